import type { CannotMove, Restore, Restored } from '@duskline/protocol';
import { CannotMoveError, decodeCheckpoint, describeFailure } from '../sessions/checkpoint.js';
import type { HostSettings, PreparedSession } from '../host-options.js';
import type { SessionRecord } from '../sessions/session-record.js';
import type { PrepareOutcome } from '../sessions/session-table.js';

/** What moves to this host need from the host, and tell it. */
export interface IncomingMovesPort {
  /** Tells the broker; false when that has to wait. */
  send(message: Restored | CannotMove): boolean;
  /** Puts the session into the table, as one that has not begun. */
  addSession(session: PreparedSession): PrepareOutcome;
  /** Takes out what the application refused. */
  dropSession(record: SessionRecord): void;
  /** The session is this host's. */
  notifyMoved(record: SessionRecord): void;
}

/** A session that was taken up, or is about to be, and has not begun. */
interface IncomingMove {
  readonly record: SessionRecord;
  restored: boolean;
  /** `restored` could not be sent, for want of a connection. */
  isAnswerUnsent: boolean;
}

/** The sessions that move to a host: asks the application to take up their state, and lets them begin when told. */
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
    if (onRestore === undefined) this.#refuseMove(order, 'This host takes no sessions up.');
    else if (checkpoint === undefined) this.#refuseMove(order, 'There is no state to go on from.');
    else {
      const session = toPreparedSession(order);
      const outcome = this.#port.addSession(session);
      if (outcome.kind === 'stale') this.#refuseMove(order, 'The session is over here, or newer.');
      else if (outcome.kind === 'known') this.#handleRepeatedRestore(order);
      else {
        this.#removeEnded();
        const move = { record: outcome.record, restored: false, isAnswerUnsent: false };
        this.#moves.set(outcome.record, move);
        void this.#restoreSession(move, session, () => onRestore(session, checkpoint));
      }
    }
  }

  /** The broker says that the session is this host's. Repeated, or too early, it changes nothing. */
  confirmMoved(record: SessionRecord): void {
    if (record.begun || record.state === 'prepared') return;
    this.#moves.delete(record);
    record.begun = true;
    this.#port.notifyMoved(record);
  }

  /** Sends the answers that could not be sent before. */
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

  /** The message came twice, or a ticket was faster: then nothing is left that the state could go into. */
  #handleRepeatedRestore(order: Restore): void {
    const move = [...this.#moves.values()].find(({ record }) => record.sessionId === order.sessionId);
    if (move === undefined) this.#refuseMove(order, 'The session runs here already.');
    else if (move.restored) this.#sendRestored(move);
  }

  #refuseMove({ sessionId, epoch }: Pick<Restore, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'A session cannot move here');
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
