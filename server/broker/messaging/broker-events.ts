import { EventEmitter } from 'node:events';
import type { SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { ControlMessage } from './control-messages.js';

/**
 * Events inside a broker, for changes that concern several modules or a module that the sender may not import. Listeners run
 * synchronously, in the order in which `listenToEvents` adds them, and never throw.
 */
export interface BrokerEventMap {
  /** This broker received the present state of a session. Its client and host may know that state already. */
  sessionChanged: [regionPool: RegionPool, session: SessionRecord];
  /** This broker received the present state of the slot that a move reserved on the target host. */
  targetReservationChanged: [regionPool: RegionPool, sessionId: string, reservation: SessionRecord];
  /** The host of a client's session was lost. `previousState` is the state that the client knew. */
  sessionLost: [
    client: ClientConnection,
    regionPool: RegionPool,
    lost: SessionRecord,
    previousState: SessionState,
  ];
  /** A session left the host that its client knows, and may have moved to another host. */
  sessionLeftHost: [
    client: ClientConnection,
    known: ClientSession,
    regionPool: RegionPool,
    session: SessionRecord,
  ];
  /** Another broker, or this one, sent this broker a control message. */
  controlMessage: [regionPool: RegionPool, message: ControlMessage];
}

export type BrokerEvents = EventEmitter<BrokerEventMap>;

export function createBrokerEvents(): BrokerEvents {
  return new EventEmitter<BrokerEventMap>();
}

/** The event emitter of this broker. */
export interface Events {
  readonly events: BrokerEvents;
}
