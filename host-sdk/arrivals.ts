import type { CannotMove, Restore, Restored } from '@duskline/protocol';
import { CannotMoveError, decodeCheckpoint, reasonOf } from './checkpoint.js';
import type { HostSettings, PreparedSession } from './host-options.js';
import type { PrepareOutcome, SessionRecord } from './session-table.js';

/** What arrivals need from the host, and tell it. */
export interface ArrivalOwner {
  /** Tells the broker; false when that has to wait. */
  send(message: Restored | CannotMove): boolean;
  /** Puts the session into the table, as one that has not begun. */
  enter(session: PreparedSession): PrepareOutcome;
  /** Takes out what the application refused. */
  drop(record: SessionRecord): void;
  /** The session is this host's. */
  moved(record: SessionRecord): void;
}

/** A session that was taken up, or is about to be, and has not begun. */
interface Arrival {
  readonly record: SessionRecord;
  restored: boolean;
  /** `restored` could not be sent, for want of a connection. */
  unsent: boolean;
}

/** The sessions that move to a host: asks the application to take up their state, and lets them begin when told. */
export class Arrivals {
  readonly #settings: Pick<HostSettings, 'logger' | 'onRestore'>;
  readonly #owner: ArrivalOwner;
  readonly #arrivals = new Map<SessionRecord, Arrival>();

  constructor(settings: Pick<HostSettings, 'logger' | 'onRestore'>, owner: ArrivalOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  begin(order: Restore): void {
    const { onRestore } = this.#settings;
    const checkpoint = decodeCheckpoint(order);
    if (onRestore === undefined) this.#refuse(order, 'This host takes no sessions up.');
    else if (checkpoint === undefined) this.#refuse(order, 'There is no state to go on from.');
    else {
      const session = sessionOf(order);
      const outcome = this.#owner.enter(session);
      if (outcome.kind === 'stale') this.#refuse(order, 'The session is over here, or newer.');
      else if (outcome.kind === 'known') this.#repeat(order);
      else {
        this.#forgetGone();
        const arrival = { record: outcome.record, restored: false, unsent: false };
        this.#arrivals.set(outcome.record, arrival);
        void this.#ask(arrival, session, () => onRestore(session, checkpoint));
      }
    }
  }

  /** The broker says that the session is this host's. Repeated, or too early, it changes nothing. */
  moved(record: SessionRecord): void {
    if (record.begun || record.state === 'prepared') return;
    this.#arrivals.delete(record);
    record.begun = true;
    this.#owner.moved(record);
  }

  /** Sends the answers that could not be sent before. */
  catchUp(): void {
    this.#forgetGone();
    for (const arrival of this.#arrivals.values()) if (arrival.unsent) this.#answer(arrival);
  }

  async #ask(
    arrival: Arrival,
    { sessionId, epoch }: PreparedSession,
    restore: () => boolean | undefined | Promise<boolean | undefined>,
  ): Promise<void> {
    const { record } = arrival;
    try {
      if ((await restore()) === false) throw new CannotMoveError('The application refused the session.');
      if (record.state === 'ended') return;
      arrival.restored = true;
      this.#answer(arrival);
    } catch (error) {
      if (!(error instanceof CannotMoveError)) {
        this.#settings.logger.error({ sessionId, err: error }, 'onRestore failed');
      }
      if (record.state === 'ended') return;
      this.#refuse({ sessionId, epoch }, reasonOf(error, 'onRestore failed.'));
      this.#owner.drop(record);
    }
  }

  #answer(arrival: Arrival): void {
    const { sessionId, epoch } = arrival.record;
    arrival.unsent = !this.#owner.send({ type: 'restored', sessionId, epoch });
  }

  /** The message came twice, or a ticket was faster: then nothing is left that the state could go into. */
  #repeat(order: Restore): void {
    const arrival = [...this.#arrivals.values()].find(({ record }) => record.sessionId === order.sessionId);
    if (arrival === undefined) this.#refuse(order, 'The session runs here already.');
    else if (arrival.restored) this.#answer(arrival);
  }

  #refuse({ sessionId, epoch }: Pick<Restore, 'sessionId' | 'epoch'>, reason: string): void {
    this.#settings.logger.info({ sessionId, epoch, reason }, 'A session cannot move here');
    this.#owner.send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #forgetGone(): void {
    for (const record of this.#arrivals.keys()) if (record.state === 'ended') this.#arrivals.delete(record);
  }
}

function sessionOf(order: Restore): PreparedSession {
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
