import { brokerIdOf } from '../../../domain/connection-id.js';
import type { Closure } from '../../../domain/closure.js';
import { acceptsSessions, type HostState } from '../../../domain/host-state.js';
import type { HostRegistration, SessionRecord } from '../../fleet-store.js';

/**
 * A host, with what the choice among hosts needs. Loads are in millionths. What a placement reads and writes stands first:
 * of many hosts none is in a cache when its turn comes.
 */
export interface MemoryHost {
  readonly hostId: string;
  state: HostState;
  closure: Closure;
  slots: number;
  committed: number;
  measured: number;
  ramping: number;
  beatAtMs: number;
  digest: number;
  connectionId: string;
  /** The broker of that connection. */
  brokerId: string;
  /** Its live sessions, in no order. */
  readonly sessions: SessionEntry[];
  /** Its number in the order of free hosts. */
  readonly orderNumber: number;
  endpoint: string;
  /** When a sweep first found it missing; 0 when none has. */
  missingAtMs: number;
}

/**
 * A session as it is now, with where it stands on its host and among those that become due: one object, found once, however
 * many of those change.
 */
export interface SessionEntry {
  record: SessionRecord;
  /** The host whose slot it has; `null` for one that ended. */
  host: MemoryHost | null;
  /** Where it stands among the host's sessions. */
  hostIndex: number;
  /** The list that it is in while its state lasts only so long, and until when. */
  expiryList: ExpiringSessions | null;
  expiresAtMs: number;
  previous: SessionEntry | null;
  next: SessionEntry | null;
}

/** Sessions that become due one after the other. */
export interface ExpiringSessions {
  /** Adds one that is in no such list. */
  add(kept: SessionEntry, atMs: number): void;
  /** Takes out one that is in this list. */
  remove(kept: SessionEntry): void;
}

export function newHost(
  { hostId, connectionId, slots, endpoint }: HostRegistration,
  closure: Closure,
  orderNumber: number,
  nowMs: number,
): MemoryHost {
  return {
    hostId,
    state: 'joining',
    closure,
    slots,
    committed: 0,
    measured: 0,
    ramping: 0,
    beatAtMs: nowMs,
    digest: 0,
    connectionId,
    brokerId: brokerIdOf(connectionId),
    sessions: [],
    orderNumber,
    endpoint,
    missingAtMs: 0,
  };
}

/** Gives a session a slot of the host. */
export function addToHost(host: MemoryHost, kept: SessionEntry): void {
  kept.host = host;
  kept.hostIndex = host.sessions.length;
  host.sessions.push(kept);
  host.committed += 1;
}

/** Takes the slot back. The last of the host's sessions moves up. */
export function removeFromHost(host: MemoryHost, kept: SessionEntry): void {
  const last = host.sessions.pop();
  if (last !== undefined && last !== kept) {
    host.sessions[kept.hostIndex] = last;
    last.hostIndex = kept.hostIndex;
  }
  kept.host = null;
  host.committed -= 1;
}

/** Whether new sessions may be placed on a host. */
export function isOpen({ state, closure }: MemoryHost): boolean {
  return acceptsSessions(state) && closure === 'open';
}

/** The slots that a host adds to those of its place. */
export function countedSlots(host: MemoryHost): number {
  return isOpen(host) ? host.slots : 0;
}
