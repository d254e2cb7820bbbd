import { EventEmitter } from 'node:events';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionEffect } from '../../domain/client-session/effects.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { ClientSessionRecord, ClientSessionTypes, EndOrder } from '../connections/connections.js';
import type { ControlMessage } from './control-messages.js';

type Effect<Type extends SessionEffect<ClientSessionTypes>['type']> = Extract<
  SessionEffect<ClientSessionTypes>,
  { readonly type: Type }
>;

/**
 * Events inside a broker, for changes that concern several modules or a module that the sender may not import. Listeners run
 * synchronously, in the order in which `listenToEvents` adds them, and never throw.
 */
export interface BrokerEventMap {
  /** This broker received the present state of a session. Its client and host may know that state already. */
  sessionChanged: [regionPool: RegionPool, session: SessionRecord];
  /** This broker received the present state of the slot that a move reserved on the target host. */
  targetReservationChanged: [regionPool: RegionPool, sessionId: string, reservation: SessionRecord];
  /** The machine of a client's session has an effect that folders that `messaging/` may not import carry out. Each has one listener. */
  sessionLost: [session: ClientSessionRecord, effect: Effect<'replace'>];
  sessionLeftHost: [session: ClientSessionRecord, effect: Effect<'locate'>];
  sessionEndOrdered: [session: ClientSessionRecord, effect: Effect<'end'>];
  sessionReturned: [session: ClientSessionRecord, effect: Effect<'renew'>];
  replacementCancelled: [session: ClientSessionRecord, order: EndOrder];
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
