import { EventEmitter } from 'node:events';
import type { SessionState } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientConnection, ClientSession } from '../connections/connections.js';
import type { ControlMessage } from './control-messages.js';

/**
 * What one part of a broker tells several others, or one that it must not import. Listeners run at once, in the order in
 * which `listenToEvents` adds them, and never throw.
 */
export interface BrokerEventMap {
  /** This broker learnt how a session is now: it may have told its client and its host so before. */
  sessionChanged: [regionPool: RegionPool, session: SessionRecord];
  /** This broker learnt how the slot is now that a move holds for a session on its target host. */
  targetReservationChanged: [regionPool: RegionPool, sessionId: string, reservation: SessionRecord];
  /** The host of a client's session was lost. `previousState` is the state that the client knew. */
  sessionLost: [
    client: ClientConnection,
    regionPool: RegionPool,
    lost: SessionRecord,
    previousState: SessionState,
  ];
  /** A session left the host that its client knows: it may have moved to another one. */
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

/** Sends and receives the events of this broker. */
export interface Events {
  readonly events: BrokerEvents;
}
