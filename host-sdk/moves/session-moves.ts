import type { HostToBroker, BrokerToHost } from '@duskline/protocol';
import { IncomingMoves } from './incoming-moves.js';
import { OutgoingMoves } from './outgoing-moves.js';
import type { HostEvents } from '../host-interface.js';
import type { HostSettings, PreparedSession } from '../host-options.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import type { SessionRecord } from '../sessions/session-record.js';
import type { PrepareOutcome, SessionTable } from '../sessions/session-table.js';
import { isHeld } from '../sessions/session-transitions.js';

/** What moves need from the host. */
export interface SessionMovesPort {
  /** Sends a message to the broker. Returns whether it was sent. */
  send(message: HostToBroker): boolean;
  /** Reports the state of a session to the broker. */
  reportState(record: SessionRecord): void;
  getHostedSession(record: SessionRecord): HostedSession;
  /** Puts a session into the table with `begun: false`. */
  addSession(session: PreparedSession): PrepareOutcome;
  /** Ends a session whose client was admitted, and reports that to broker and application. */
  endRestoredSession(record: SessionRecord): void;
  emit<Name extends 'resume' | 'moved' | 'end'>(event: Name, payload: HostEvents[Name]): void;
}

type MoveMessage = Extract<BrokerToHost, { type: 'checkpoint' | 'restore' | 'moved' | 'resume' }>;

/** The moves of sessions away from this host and to it. */
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
      getHostedSession: (record) => port.getHostedSession(record),
      notifyResumed: (record) => {
        port.reportState(record);
        port.emit('resume', { sessionId: record.sessionId, epoch: record.epoch });
      },
    });
    this.#incoming = new IncomingMoves(settings, {
      send: (message) => port.send(message),
      addSession: (session) => port.addSession(session),
      dropSession: (record) => {
        // `cannot_move` was sent instead of the end: an end would end the session on its source host too.
        if (isHeld(record.state)) port.endRestoredSession(record);
        else table.applyEvent(record, 'end');
      },
      abandonSession: (record) => this.#abandonSession(record),
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

  /** The broker answered `checkpoint` or `restored` with an error: the move is cancelled. */
  handleRefusal(sessionId: string): void {
    const record = this.#table.get(sessionId);
    if (record === undefined || this.#outgoing.resumeSession(record)) return;
    // Once a client was admitted, the broker's answer to `session` decides.
    if (record.begun || record.state !== 'prepared') return;
    this.#abandonSession(record);
  }

  /** The session continues here. Returns false if it was not paused for a move. */
  resumeSession(record: SessionRecord): boolean {
    return this.#outgoing.resumeSession(record);
  }

  /** Sends the answers that could not be sent. */
  resendAnswers(): void {
    this.#outgoing.resendAnswers();
    this.#incoming.resendAnswers();
  }

  /** Makes the broker repeat `moved`, which may have been lost with a connection or a broker. */
  repeatRestoredStates(): void {
    for (const record of this.#table.records()) if (!record.begun) this.#port.reportState(record);
  }

  /** The host closes: all paused sessions resume. */
  stop(): void {
    this.#outgoing.stop();
    this.#incoming.stop();
  }

  /** Ends a session that does not move here after all, and tells the application. */
  #abandonSession(record: SessionRecord): void {
    if (isHeld(record.state)) {
      this.#port.endRestoredSession(record);
      return;
    }
    const { sessionId, epoch } = record;
    this.#table.applyEvent(record, 'end');
    this.#port.emit('end', { sessionId, epoch, reason: 'move_failed' });
  }
}
