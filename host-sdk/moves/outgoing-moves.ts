import type { CannotMove, CheckpointOrder, HostCheckpoint } from '@duskline/protocol';
import { CannotMoveError, encodeCheckpoint, describeFailure } from '../sessions/checkpoint.js';
import type { HostSettings } from '../host-options.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import { isMovable, type SessionRecord } from '../sessions/session-record.js';
import { isHeld } from '../sessions/session-transitions.js';

/** What moves away from this host need from the host. */
export interface OutgoingMovesPort {
  /** Sends a message to the broker. Returns whether it was sent. */
  send(message: HostCheckpoint | CannotMove): boolean;
  /** Applies an event to the record. Returns false if the table of transitions does not allow it. */
  applyEvent(record: SessionRecord, event: 'checkpoint' | 'resume'): boolean;
  getHostedSession(record: SessionRecord): HostedSession;
  /** The session continues on this host, in its current state. */
  notifyResumed(record: SessionRecord): void;
}

/** A session that is paused, because it may continue on another host. */
interface OutgoingMove {
  readonly record: SessionRecord;
  /** How long the broker waits for the checkpoint, by the host's monotonic clock. */
  readonly answerByMs: number;
  /** When the session resumes if the broker sends nothing, by the same clock. */
  readonly resumeAtMs: number;
  answered: boolean;
  /** An answer that could not be sent, because there was no connection. */
  unsentAnswer: HostCheckpoint | undefined;
}

/**
 * The sessions that may move away: requests their checkpoints from the application and sends them to the broker. A session that
 * does not move resumes, on the broker's order or at its deadline. All sessions share one timer.
 */
export class OutgoingMoves {
  readonly #settings: Pick<HostSettings, 'clock' | 'logger' | 'onCheckpoint'>;
  readonly #port: OutgoingMovesPort;
  readonly #moves = new Map<SessionRecord, OutgoingMove>();
  #cancelTimer: () => void = () => undefined;

  constructor(settings: Pick<HostSettings, 'clock' | 'logger' | 'onCheckpoint'>, port: OutgoingMovesPort) {
    this.#settings = settings;
    this.#port = port;
  }

  /** @param record the host's record of the session, if it has one */
  handleCheckpointOrder(
    { sessionId, epoch, withinMs, stillMs }: CheckpointOrder,
    record: SessionRecord | undefined,
  ): void {
    const { clock, onCheckpoint } = this.#settings;
    const known = record === undefined ? undefined : this.#moves.get(record);
    if (record?.epoch !== epoch)
      this.#refuseMove({ sessionId, epoch }, 'This host does not have the session at this epoch.');
    else if (known !== undefined) this.#cancelMove(known, 'The session is moving already.');
    else if (onCheckpoint === undefined) this.#refuseMove(record, 'This host does not create checkpoints.');
    else if (!isMovable(record)) this.#refuseMove(record, 'The session cannot be moved at the moment.');
    else if (this.#port.applyEvent(record, 'checkpoint')) {
      const nowMs = clock.monotonicMs();
      const resumeAtMs = nowMs + Math.max(withinMs, stillMs);
      const move = {
        record,
        answerByMs: nowMs + withinMs,
        resumeAtMs,
        answered: false,
        unsentAnswer: undefined,
      };
      this.#moves.set(record, move);
      this.#scheduleCheck();
      void this.#requestCheckpoint(move, onCheckpoint);
    }
  }

  /** The session continues here. Returns false if it was not paused for a move. */
  resumeSession(record: SessionRecord): boolean {
    if (!this.#moves.delete(record)) return false;
    if (!isHeld(record.state)) return false;
    // A session whose client was lost meanwhile is `disconnected`, and stays so.
    this.#port.applyEvent(record, 'resume');
    this.#port.notifyResumed(record);
    return true;
  }

  /** Sends the answers that could not be sent. */
  resendAnswers(): void {
    for (const move of this.#moves.values()) {
      if (move.unsentAnswer !== undefined && this.#port.send(move.unsentAnswer))
        move.unsentAnswer = undefined;
    }
  }

  /** The host closes: all paused sessions resume. */
  stop(): void {
    for (const record of this.#moves.keys()) this.resumeSession(record);
    this.#cancelTimer();
  }

  async #requestCheckpoint(
    move: OutgoingMove,
    onCheckpoint: NonNullable<HostSettings['onCheckpoint']>,
  ): Promise<void> {
    const { record } = move;
    const { sessionId, epoch } = record;
    try {
      const checkpoint = encodeCheckpoint(await onCheckpoint(this.#port.getHostedSession(record)));
      if (!this.#isPending(move)) return;
      if (record.state !== 'moving') this.#cancelMove(move, 'The client lost its connection meanwhile.');
      else this.#sendCheckpoint(move, { type: 'checkpoint', sessionId, epoch, ...checkpoint });
    } catch (error) {
      if (!(error instanceof CannotMoveError)) {
        this.#settings.logger.error({ sessionId, err: error }, 'onCheckpoint failed');
      }
      if (this.#isPending(move)) this.#cancelMove(move, describeFailure(error, 'onCheckpoint failed.'));
    }
  }

  #sendCheckpoint(move: OutgoingMove, answer: HostCheckpoint): void {
    move.answered = true;
    if (!this.#port.send(answer)) move.unsentAnswer = answer;
    this.#scheduleCheck();
  }

  #isPending(move: OutgoingMove): boolean {
    return this.#moves.get(move.record) === move && isHeld(move.record.state);
  }

  #cancelMove({ record }: OutgoingMove, reason: string): void {
    this.#refuseMove(record, reason);
    this.resumeSession(record);
  }

  #refuseMove({ sessionId, epoch }: Pick<SessionRecord, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'Refused to move a session away');
    this.#port.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #checkDeadlines(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    for (const move of this.#moves.values()) {
      const { record, answerByMs, resumeAtMs, answered, unsentAnswer } = move;
      if (!isHeld(record.state)) this.#moves.delete(record);
      else if (nowMs >= resumeAtMs) this.resumeSession(record);
      else if (nowMs >= answerByMs && (!answered || unsentAnswer !== undefined)) {
        this.#cancelMove(move, 'onCheckpoint took too long.');
      }
    }
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    this.#cancelTimer();
    const dueAtMs = Math.min(...[...this.#moves.values()].map(nextDeadlineMs));
    if (dueAtMs === Infinity) return;
    const delayMs = Math.max(0, dueAtMs - this.#settings.clock.monotonicMs());
    this.#cancelTimer = this.#settings.clock.setTimer(() => this.#checkDeadlines(), delayMs);
  }
}

function nextDeadlineMs({ answerByMs, resumeAtMs, answered, unsentAnswer }: OutgoingMove): number {
  return answered && unsentAnswer === undefined ? resumeAtMs : Math.min(answerByMs, resumeAtMs);
}
