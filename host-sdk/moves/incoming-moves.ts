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
  /** The session belongs to this host now. */
  notifyMoved(record: SessionRecord): void;
}

/** A session that is being restored, or was restored and has not begun. */
interface IncomingMove {
  readonly record: SessionRecord;
  restored: boolean;
  /** `restored` could not be sent, because there was no connection. */
  isAnswerUnsent: boolean;
}

/** The sessions that move to this host: has the application restore them, and starts them when the broker sends `moved`. */
export class IncomingMoves {
  readonly #settings: Pick<HostSettings, 'logger' | 'onRestore'>;
  readonly #port: IncomingMovesPort;
  readonly #moves = new Map<SessionRecord, IncomingMove>();

  constructor(settings: Pick<HostSettings, 'logger' | 'onRestore'>, port: IncomingMovesPort) {
    this.#settings = settings;
    this.#port = port;
  }

  handleRestore(order: Restore): void {
    const { onRestore } = this.#settings;
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
        const move = { record: outcome.record, restored: false, isAnswerUnsent: false };
        this.#moves.set(outcome.record, move);
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
    for (const move of this.#moves.values()) if (move.isAnswerUnsent) this.#sendRestored(move);
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
      move.restored = true;
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
    move.isAnswerUnsent = !this.#port.send({ type: 'restored', sessionId, epoch });
  }

  /** The order was repeated, or a client was admitted before it: then the session runs already, without the checkpoint. */
  #handleRepeatedRestore(order: Restore): void {
    const move = [...this.#moves.values()].find(({ record }) => record.sessionId === order.sessionId);
    if (move === undefined) this.#refuseMove(order, 'The session runs on this host already.');
    else if (move.restored) this.#sendRestored(move);
  }

  #refuseMove({ sessionId, epoch }: Pick<Restore, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'Refused a session that was to move here');
    this.#port.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #removeEnded(): void {
    for (const record of this.#moves.keys()) if (record.state === 'ended') this.#moves.delete(record);
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
