import type { CannotMove, CheckpointOrder, HostCheckpoint } from '@duskline/protocol';
import { CannotMoveError, encodeCheckpoint, describeFailure } from '../sessions/checkpoint.js';
import type { HostSettings } from '../host-options.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import { isMovable, type SessionRecord } from '../sessions/session-record.js';
import { isHeld } from '../sessions/session-transitions.js';

/** What moves away need from the host, and tell it. */
export interface OutgoingMovesPort {
  /** Tells the broker; false when that has to wait. */
  send(message: HostCheckpoint | CannotMove): boolean;
  /** Moves the record on. False when the table of transitions does not allow it. */
  applyEvent(record: SessionRecord, event: 'checkpoint' | 'resume'): boolean;
  handleOf(record: SessionRecord): HostedSession;
  /** The session goes on here, in the state that it has now. */
  notifyResumed(record: SessionRecord): void;
}

/** A session that is held still, because it may go on at another host. */
interface OutgoingMove {
  readonly record: SessionRecord;
  /** The broker waits for an answer until then; by the host's monotonic clock, as the other. */
  readonly answerByMs: number;
  readonly resumeAtMs: number;
  answered: boolean;
  /** An answer that could not be sent, for want of a connection. */
  unsentAnswer: HostCheckpoint | undefined;
}

/**
 * The sessions of a host that are about to move away: asks the application for their state, hands it over, and lets
 * each go on that did not move after all: on the broker's word, or by itself when that does not come. One timer for
 * all of them.
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

  /** @param record what the host has of the session */
  handleCheckpointOrder(
    { sessionId, epoch, withinMs, stillMs }: CheckpointOrder,
    record: SessionRecord | undefined,
  ): void {
    const { clock, onCheckpoint } = this.#settings;
    const known = record === undefined ? undefined : this.#moves.get(record);
    if (record?.epoch !== epoch)
      this.#refuseMove({ sessionId, epoch }, 'The session is not here at this epoch.');
    else if (known !== undefined) this.#cancelMove(known, 'The session is moving already.');
    else if (onCheckpoint === undefined) this.#refuseMove(record, 'This host hands no sessions over.');
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

  /** The session goes on here. False when it was not held still. */
  resumeSession(record: SessionRecord): boolean {
    if (!this.#moves.delete(record)) return false;
    if (!isHeld(record.state)) return false;
    // One whose client was lost meanwhile stays `disconnected`: what is over is that it is held still.
    this.#port.applyEvent(record, 'resume');
    this.#port.notifyResumed(record);
    return true;
  }

  /** Sends the answers that could not be sent before. */
  resendAnswers(): void {
    for (const move of this.#moves.values()) {
      if (move.unsentAnswer !== undefined && this.#port.send(move.unsentAnswer))
        move.unsentAnswer = undefined;
    }
  }

  /** Nobody is left to move them: all go on. */
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
      const checkpoint = encodeCheckpoint(await onCheckpoint(this.#port.handleOf(record)));
      if (!this.#isPending(move)) return;
      if (record.state !== 'moving') this.#cancelMove(move, 'The client was lost meanwhile.');
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
    this.#settings.logger.info({ sessionId, epoch, reason }, 'A session cannot be moved');
    this.#port.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #checkDeadlines(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    for (const move of this.#moves.values()) {
      const { record, answerByMs, resumeAtMs, answered, unsentAnswer } = move;
      if (!isHeld(record.state)) this.#moves.delete(record);
      else if (nowMs >= resumeAtMs) this.resumeSession(record);
      else if (nowMs >= answerByMs && (!answered || unsentAnswer !== undefined)) {
        this.#cancelMove(move, 'The state was not there in time.');
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
