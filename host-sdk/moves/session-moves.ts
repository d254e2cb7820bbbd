import type { HostToBroker, BrokerToHost } from '@duskline/protocol';
import { IncomingMoves } from './incoming-moves.js';
import { OutgoingMoves } from './outgoing-moves.js';
import type { HostEvents } from '../host-interface.js';
import type { HostSettings, PreparedSession } from '../host-options.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import type { SessionRecord } from '../sessions/session-record.js';
import type { PrepareOutcome, SessionTable } from '../sessions/session-table.js';
import { isHeld } from '../sessions/session-transitions.js';

/** What moves need from the host, and tell it. */
export interface SessionMovesPort {
  /** Tells the broker; false when that has to wait. */
  send(message: HostToBroker): boolean;
  /** Tells the broker the state of a session. */
  reportState(record: SessionRecord): void;
  handleOf(record: SessionRecord): HostedSession;
  /** Puts a session into the table, as one that has not begun. */
  addSession(session: PreparedSession): PrepareOutcome;
  /** Ends a session whose client is in, and tells broker and application. */
  endRestoredSession(record: SessionRecord): void;
  emit<Name extends 'resume' | 'moved' | 'end'>(event: Name, payload: HostEvents[Name]): void;
}

type MoveMessage = Extract<BrokerToHost, { type: 'checkpoint' | 'restore' | 'moved' | 'resume' }>;

/** The sessions of one host that are on the move, away from it or here. */
export class SessionMoves {
  readonly #table: SessionTable;
  readonly #port: SessionMovesPort;
  readonly #outgoing: OutgoingMoves;
  readonly #incoming: IncomingMoves;

  constructor(settings: HostSettings, table: SessionTable, port: SessionMovesPort) {
    this.#table = table;
    this.#port = port;
    this.#outgoing = new OutgoingMoves(settings, {
      send: (message) => port.send(message),
      applyEvent: (record, event) => table.applyEvent(record, event),
      handleOf: (record) => port.handleOf(record),
      notifyResumed: (record) => {
        port.reportState(record);
        port.emit('resume', { sessionId: record.sessionId, epoch: record.epoch });
      },
    });
    this.#incoming = new IncomingMoves(settings, {
      send: (message) => port.send(message),
      addSession: (session) => port.addSession(session),
      dropSession: (record) => {
        // The broker is told `cannot_move`: that a session ended here which never was here would end it everywhere.
        if (isHeld(record.state)) port.endRestoredSession(record);
        else table.applyEvent(record, 'end');
      },
      notifyMoved: ({ sessionId, epoch }) => port.emit('moved', { sessionId, epoch }),
    });
  }

  handleMessage(message: MoveMessage): void {
    const record = this.#table.get(message.sessionId);
    if (message.type === 'checkpoint') this.#outgoing.handleCheckpointOrder(message, record);
    else if (message.type === 'restore') this.#incoming.handleRestore(message);
    else if (record?.epoch !== message.epoch) return;
    else if (message.type === 'moved') this.#incoming.confirmMoved(record);
    else this.#outgoing.resumeSession(record);
  }

  /** The broker answers `checkpoint` or `restored` with an error: the session goes on here, or does not come. */
  handleRefusal(sessionId: string): void {
    const record = this.#table.get(sessionId);
    if (record === undefined || this.#outgoing.resumeSession(record)) return;
    // Once its client is in, what the broker answers to `session` says what becomes of it.
    if (record.begun || record.state !== 'prepared') return;
    this.#table.applyEvent(record, 'end');
    this.#port.emit('end', { sessionId, epoch: record.epoch, reason: 'move_failed' });
  }

  /** The session goes on here. False when it was not held still. */
  resumeSession(record: SessionRecord): boolean {
    return this.#outgoing.resumeSession(record);
  }

  /** Sends the answers that could not be sent before. */
  resendAnswers(): void {
    this.#outgoing.resendAnswers();
    this.#incoming.resendAnswers();
  }

  /** Makes the broker say `moved` again: the first time it may be lost, with a connection or a broker. */
  repeatRestoredStates(): void {
    for (const record of this.#table.records()) if (!record.begun) this.#port.reportState(record);
  }

  /** Nobody is left to move them: those that are held still go on. */
  stop(): void {
    this.#outgoing.stop();
  }
}
