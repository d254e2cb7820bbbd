import type { HostToBroker, BrokerToHost } from '@duskline/protocol';
import { Arrivals } from './arrivals.js';
import { Departures } from './departures.js';
import type { HostEvents } from './host-interface.js';
import type { HostSettings, PreparedSession } from './host-options.js';
import type { HostedSession } from './hosted-session.js';
import type { PrepareOutcome, SessionRecord, SessionTable } from './session-table.js';
import { isHeld } from './session-transitions.js';

/** What moves need from the host, and tell it. */
export interface MoveOwner {
  /** Tells the broker; false when that has to wait. */
  send(message: HostToBroker): boolean;
  /** Tells the broker the state of a session. */
  tellState(record: SessionRecord): void;
  handle(record: SessionRecord): HostedSession;
  /** Puts a session into the table, as one that has not begun. */
  enter(session: PreparedSession): PrepareOutcome;
  /** Ends a session whose client is in, and tells broker and application. */
  endMoved(record: SessionRecord): void;
  emit<Name extends 'resume' | 'moved' | 'end'>(event: Name, payload: HostEvents[Name]): void;
}

type MoveMessage = Extract<BrokerToHost, { type: 'checkpoint' | 'restore' | 'moved' | 'resume' }>;

/** The sessions of one host that are on the move, away from it or here. */
export class Moves {
  readonly #table: SessionTable;
  readonly #owner: MoveOwner;
  readonly #departures: Departures;
  readonly #arrivals: Arrivals;

  constructor(settings: HostSettings, table: SessionTable, owner: MoveOwner) {
    this.#table = table;
    this.#owner = owner;
    this.#departures = new Departures(settings, {
      send: (message) => owner.send(message),
      apply: (record, event) => table.apply(record, event),
      handle: (record) => owner.handle(record),
      resumed: (record) => {
        owner.tellState(record);
        owner.emit('resume', { sessionId: record.sessionId, epoch: record.epoch });
      },
    });
    this.#arrivals = new Arrivals(settings, {
      send: (message) => owner.send(message),
      enter: (session) => owner.enter(session),
      drop: (record) => {
        // The broker is told `cannot_move`: that a session ended here which never was here would end it everywhere.
        if (isHeld(record.state)) owner.endMoved(record);
        else table.apply(record, 'end');
      },
      moved: ({ sessionId, epoch }) => owner.emit('moved', { sessionId, epoch }),
    });
  }

  received(message: MoveMessage): void {
    const record = this.#table.get(message.sessionId);
    if (message.type === 'checkpoint') this.#departures.begin(message, record);
    else if (message.type === 'restore') this.#arrivals.begin(message);
    else if (record?.epoch !== message.epoch) return;
    else if (message.type === 'moved') this.#arrivals.moved(record);
    else this.#departures.release(record);
  }

  /** The broker answers `checkpoint` or `restored` with an error: the session goes on here, or does not come. */
  refused(sessionId: string): void {
    const record = this.#table.get(sessionId);
    if (record === undefined || this.#departures.release(record)) return;
    // Once its client is in, what the broker answers to `session` says what becomes of it.
    if (record.begun || record.state !== 'prepared') return;
    this.#table.apply(record, 'end');
    this.#owner.emit('end', { sessionId, epoch: record.epoch, reason: 'move_failed' });
  }

  /** The session goes on here. False when it was not held still. */
  release(record: SessionRecord): boolean {
    return this.#departures.release(record);
  }

  /** Sends the answers that could not be sent before. */
  catchUp(): void {
    this.#departures.catchUp();
    this.#arrivals.catchUp();
  }

  /** Makes the broker say `moved` again: the first time it may be lost, with a connection or a broker. */
  remind(): void {
    for (const record of this.#table.records()) if (!record.begun) this.#owner.tellState(record);
  }

  /** Nobody is left to move them: those that are held still go on. */
  stop(): void {
    this.#departures.stop();
  }
}
