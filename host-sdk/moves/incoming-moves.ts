import type { CannotMove, Restore, Restored } from '@duskline/protocol';
import { CannotMoveError, decodeCheckpoint, describeFailure } from '../sessions/checkpoint.js';
import type { HostSettings, PreparedSession } from '../host-options.js';
import type { SessionRecord } from '../sessions/session-record.js';
import type { PrepareOutcome } from '../sessions/session-table.js';

/** What moves to this host need from the host. */
export interface IncomingMovesPort {
  /** Sends a message to the broker. Returns whether it was sent. */
  send(message: Restored | CannotMove): boolean;
  /** Puts the session into the table with `begun: false`. */
  addSession(session: PreparedSession): PrepareOutcome;
  /** Ends a session that the application refused. */
  dropSession(record: SessionRecord): void;
  /** Ends a session that was not restored in time, and tells the application. */
  abandonSession(record: SessionRecord): void;
  /** The session belongs to this host now. */
  notifyMoved(record: SessionRecord): void;
}

/**
 * A session that moves to this host and has not begun.
 *
 * - `restoring`: the application restores it.
 * - `unsent`: it is restored, but `restored` could not be sent, because there was no connection.
 * - `restored`: the broker has the answer.
 */
interface IncomingMove {
  readonly record: SessionRecord;
  /** How long the broker waits for the answer, by the host's monotonic clock. */
  readonly answerByMs: number;
  state: 'restoring' | 'unsent' | 'restored';
}

/**
 * The sessions that move to this host: has the application restore them, and starts them when the broker sends `moved`. A session
 * whose answer the broker does not have in time is dropped. All sessions share one timer.
 */
export class IncomingMoves {
  readonly #settings: Pick<HostSettings, 'clock' | 'logger' | 'onRestore'>;
  readonly #port: IncomingMovesPort;
  readonly #moves = new Map<SessionRecord, IncomingMove>();
  #cancelTimer: () => void = () => undefined;

  constructor(settings: Pick<HostSettings, 'clock' | 'logger' | 'onRestore'>, port: IncomingMovesPort) {
    this.#settings = settings;
    this.#port = port;
  }

  handleRestore(order: Restore): void {
    const { clock, onRestore } = this.#settings;
    const checkpoint = decodeCheckpoint(order);
    if (onRestore === undefined) this.#refuseMove(order, 'This host does not restore sessions.');
    else if (checkpoint === undefined) this.#refuseMove(order, 'The order has no checkpoint, or two.');
    else {
      const session = toPreparedSession(order);
      const outcome = this.#port.addSession(session);
      if (outcome.kind === 'stale')
        this.#refuseMove(order, 'The session has ended on this host, or has a newer epoch.');
      else if (outcome.kind === 'known') this.#handleRepeatedRestore(order);
      else {
        this.#removeEnded();
        const { record } = outcome;
        const answerByMs = clock.monotonicMs() + order.withinMs;
        const move: IncomingMove = { record, answerByMs, state: 'restoring' };
        this.#moves.set(record, move);
        this.#scheduleCheck();
        void this.#restoreSession(move, session, () => onRestore(session, checkpoint));
      }
    }
  }

  /** The broker sent `moved`. Ignored if repeated, or if no client was admitted yet. */
  confirmMoved(record: SessionRecord): void {
    if (record.begun || record.state === 'prepared') return;
    this.#moves.delete(record);
    record.begun = true;
    this.#port.notifyMoved(record);
  }

  /** Sends the answers that could not be sent. */
  resendAnswers(): void {
    this.#removeEnded();
    for (const move of this.#moves.values()) if (move.state === 'unsent') this.#sendRestored(move);
  }

  /** The host closes. */
  stop(): void {
    this.#cancelTimer();
  }

  async #restoreSession(
    move: IncomingMove,
    { sessionId, epoch }: PreparedSession,
    restore: () => boolean | undefined | Promise<boolean | undefined>,
  ): Promise<void> {
    const { record } = move;
    try {
      if ((await restore()) === false) throw new CannotMoveError('The application refused the session.');
      if (record.state === 'ended') return;
      this.#sendRestored(move);
    } catch (error) {
      if (!(error instanceof CannotMoveError)) {
        this.#settings.logger.error({ sessionId, err: error }, 'onRestore failed');
      }
      if (record.state === 'ended') return;
      this.#refuseMove({ sessionId, epoch }, describeFailure(error, 'onRestore failed.'));
      this.#port.dropSession(record);
    }
  }

  #sendRestored(move: IncomingMove): void {
    const { sessionId, epoch } = move.record;
    move.state = this.#port.send({ type: 'restored', sessionId, epoch }) ? 'restored' : 'unsent';
  }

  /** The order was repeated, or a client was admitted before it: then the session runs already, without the checkpoint. */
  #handleRepeatedRestore(order: Restore): void {
    const move = [...this.#moves.values()].find(({ record }) => record.sessionId === order.sessionId);
    if (move === undefined) this.#refuseMove(order, 'The session runs on this host already.');
    else if (move.state !== 'restoring') this.#sendRestored(move);
  }

  #refuseMove({ sessionId, epoch }: Pick<Restore, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'Refused a session that was to move here');
    this.#port.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #removeEnded(): void {
    for (const record of this.#moves.keys()) if (record.state === 'ended') this.#moves.delete(record);
  }

  #checkDeadlines(): void {
    this.#removeEnded();
    const nowMs = this.#settings.clock.monotonicMs();
    for (const { record, answerByMs, state } of this.#moves.values()) {
      if (state === 'restored' || nowMs < answerByMs) continue;
      this.#moves.delete(record);
      this.#refuseMove(record, 'onRestore took too long.');
      this.#port.abandonSession(record);
    }
    this.#scheduleCheck();
  }

  #scheduleCheck(): void {
    this.#cancelTimer();
    const open = [...this.#moves.values()].filter(({ state }) => state !== 'restored');
    if (open.length === 0) return;
    const dueAtMs = Math.min(...open.map(({ answerByMs }) => answerByMs));
    const delayMs = Math.max(0, dueAtMs - this.#settings.clock.monotonicMs());
    this.#cancelTimer = this.#settings.clock.setTimer(() => this.#checkDeadlines(), delayMs);
  }
}

function toPreparedSession(order: Restore): PreparedSession {
  const { sessionId, epoch, title, playerId, stream, claimWithinMs, limits } = order;
  return {
    sessionId,
    epoch,
    title,
    playerId,
    stream,
    claimWithinMs,
    ...(limits === undefined ? {} : { limits }),
  };
}
