import type { EndReason } from '@duskline/protocol/vocabulary';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from './session-record.js';

/** A message from one end of a session (host or client) to the other. */
export interface SessionMessage {
  readonly sessionId: string;
  /** The epoch of the session that the sender knows. */
  readonly epoch: number;
  /** The sending host; `null` when the session's client sends. */
  readonly fromHostId: string | null;
  /** One line of text: JSON that only brokers read. */
  readonly body: string;
}

/** A message that waited for the broker of its receiver. */
export interface RelayedMessage {
  readonly sessionId: string;
  readonly epoch: number;
  /** The receiving host; `null` when the session's client receives. */
  readonly toHostId: string | null;
  readonly body: string;
}

/**
 * - `relayed`: a message between the ends of a session, for the broker to deliver.
 * - `control`: a control message for the broker itself, as `sendControlMessage` left it.
 */
export type InboxMessage =
  ({ readonly kind: 'relayed' } & RelayedMessage) | { readonly kind: 'control'; readonly body: string };

/**
 * - `local`: the receiver is connected to the calling broker, which delivers the message itself; `hostId` is the session's.
 * - `forwarded`: the message waits in the inbox of that broker.
 * - `disconnected`: no broker is known to have a connection of the receiver.
 * - `overflow`: that broker's inbox is full; the message is dropped.
 * - `stale`: the session has another epoch by now.
 * - `unknown`: the store does not know the session, or the session is not on the sending host.
 * - `over`: the session ended, for this reason.
 */
export type RelayOutcome =
  | { readonly kind: 'local'; readonly hostId: string }
  | { readonly kind: 'forwarded'; readonly brokerId: string }
  | { readonly kind: 'over'; readonly reason: EndReason }
  | { readonly kind: 'disconnected' | 'overflow' | 'stale' | 'unknown' };

/**
 * The inbox that every broker has in every region pool: messages, and the ids of sessions that another broker changed.
 * Errors and lists: see `FleetStore`.
 */
export interface InboxStore {
  /**
   * Relays messages to the other end of their sessions. Messages of one session are delivered in the order of the calls,
   * and only to the session's host or client.
   */
  relayMessages(
    regionPool: RegionPool,
    messages: readonly SessionMessage[],
    callerId: string,
  ): Promise<readonly RelayOutcome[]>;
  /**
   * Takes the messages out of a broker's inbox, in the order in which they were relayed. To be called before
   * `takeChangedSessions`: a change that a message presupposes, such as a reservation on a host, is then in that call's
   * result or in an earlier one.
   */
  takeMessages(regionPool: RegionPool, brokerId: string): Promise<readonly InboxMessage[]>;
  /** Takes the changed sessions that concern this broker out of its inbox, as they are now. */
  takeChangedSessions(regionPool: RegionPool, brokerId: string): Promise<readonly SessionRecord[]>;
  /**
   * Leaves a control message for a broker. It is taken with the relayed messages, in order, and may be lost with them.
   *
   * @returns false when that broker's inbox is full
   */
  sendControlMessage(regionPool: RegionPool, brokerId: string, body: string): Promise<boolean>;

  /**
   * Wakes up another broker so that it reads its inbox of this region pool now. A lost wake-up costs a second, because
   * brokers also read their inboxes by themselves. The store itself sends wake-ups for offers.
   */
  sendWakeUp(brokerId: string, regionPool: RegionPool): void;
  /** Calls the listener for every wake-up of this broker. */
  onWakeUp(brokerId: string, listener: (regionPool: RegionPool) => void): Promise<void>;
}

/** How long an inbox waits for a broker that does not read it. */
export const INBOX_KEPT_MS = 60_000;

/** How much may wait in one region pool for a broker that takes no messages: in bytes, as Redis stores them. */
export const INBOX_MAX_BYTES = 262_144;
