import { toUnixMs } from '../../../domain/store-time.js';
import type { EndReason } from '@duskline/protocol/vocabulary';
import type { Closure } from '../../../domain/closure.js';
import { congestion, withdrawRamping } from '../../../domain/congestion.js';
import type { BackOff, HostFailures } from '../../../domain/host-failures.js';
import type { HostState } from '../../../domain/host-state.js';
import { sessionDigest } from '../../../domain/session-digest.js';
import type { StoredState } from '../../../domain/session-state.js';
import type { HostRegistration } from '../../contracts/hosts.js';
import type { EndedSession, SessionRecord } from '../../contracts/session-record.js';
import { ENDED_KEPT_MS } from '../../contracts/sessions.js';
import { ExpiryList } from './expiry-list.js';
import { FreeHosts } from './free-hosts.js';
import { FreedRate } from './freed-rate.js';
import { Inboxes } from './inboxes.js';
import {
  addToHost,
  countedSlots,
  isOpen,
  newHost,
  removeFromHost,
  type MemoryHost,
  type SessionEntry,
} from './memory-host.js';
import { LostSessions } from './lost-sessions.js';
import { SessionTable } from './session-table.js';
import { WaitingQueue } from './waiting-queue.js';

interface ChangedSessions {
  readonly firstAtMs: number;
  readonly sessionIds: Set<string>;
}

/** The store's options that region pools need. */
export interface PoolRules {
  now(): number;
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  readonly backOff: BackOff;
}

/** The states that last for a limited time: a session in one of them is in the list of that state. */
type ExpiringState = Extract<StoredState, 'offered' | 'reserved' | 'disconnected' | 'arriving' | 'ended'>;

/** Everything the memory store knows about one region pool. Each method keeps counters, order and members consistent. */
export class PoolState {
  readonly hosts = new Map<string, MemoryHost>();
  readonly sessions = new SessionTable();
  /** The hosts that take sessions and have a free slot. */
  readonly freeHosts = new FreeHosts();
  readonly expiryLists = {
    offered: new ExpiryList(),
    reserved: new ExpiryList(),
    disconnected: new ExpiryList(),
    arriving: new ExpiryList(),
    ended: new ExpiryList(),
  } satisfies Record<ExpiringState, ExpiryList>;
  readonly waitingQueue = new WaitingQueue();
  readonly lostSessions = new LostSessions();
  readonly freedRate = new FreedRate();
  /** Changed sessions by the broker that has to learn of them. */
  readonly changedSessions = new Map<string, ChangedSessions>();
  readonly inboxes = new Inboxes();
  /** The closures of the region pool as a whole. */
  closures: readonly Closure[] = [];
  /** The closures of hosts, also of hosts that are not registered now. */
  readonly hostClosures = new Map<string, readonly Closure[]>();
  /** The failures of hosts, also of hosts that are not registered now. */
  readonly hostFailures = new Map<string, HostFailures>();
  readySlots = 0;
  liveSessions = 0;

  constructor(
    readonly rules: PoolRules,
    /** Wakes up a broker so that it reads its inbox of this region pool. */
    readonly sendWakeUp: (brokerId: string) => void,
  ) {}

  addHost(registration: HostRegistration, nowMs: number): void {
    const { hostId } = registration;
    this.hosts.set(hostId, newHost(registration, this.hostClosures.get(hostId) ?? [], nowMs));
  }

  /** Forgets a host that has no sessions. */
  deleteHost(host: MemoryHost): void {
    this.setState(host, 'lost');
    this.hosts.delete(host.hostId);
  }

  setState(host: MemoryHost, state: HostState): void {
    this.readySlots -= countedSlots(host);
    host.state = state;
    this.readySlots += countedSlots(host);
    this.updateFreeOrder(host);
  }

  /** Closes a host to new sessions, or opens it, now or when it registers. */
  setHostClosures(hostId: string, closures: readonly Closure[]): void {
    if (closures.length === 0) this.hostClosures.delete(hostId);
    else this.hostClosures.set(hostId, closures);
    const host = this.hosts.get(hostId);
    if (host === undefined) return;
    this.readySlots -= countedSlots(host);
    host.closures = closures;
    this.readySlots += countedSlots(host);
    this.updateFreeOrder(host);
  }

  /** Puts the host where its congestion belongs in the order of free hosts, or takes it out when it takes no session. */
  updateFreeOrder(host: MemoryHost): void {
    if (isOpen(host) && host.committed < host.slots) this.freeHosts.put(host, congestion(host));
    else this.freeHosts.remove(host);
  }

  /** The live sessions of a host in the order of their ids. */
  listHostSessions(host: MemoryHost): SessionRecord[] {
    return host.sessions
      .map(({ record }) => record)
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0));
  }

  /**
   * Writes a live session, new or changed, and its host's counter and digest.
   *
   * @param expiresAtMs of a reservation or an offer; `null` for a session that does not expire
   */
  saveLiveSession(host: MemoryHost, session: SessionRecord, expiresAtMs: number | null): void {
    const entry = this.sessions.getEntry(session.sessionId) ?? this.sessions.add(session);
    const before = entry.record;
    if (entry.host === host) {
      host.digest ^= sessionDigest(before);
    } else {
      addToHost(host, entry);
      this.liveSessions += 1;
    }
    host.digest ^= sessionDigest(session);
    entry.record = session;
    // Hosts repeat reports: a session that stays disconnected must not gain time by that.
    if (session.state !== 'disconnected') this.#setExpiry(entry, expiresAtMs);
    else if (entry.expiryList !== this.expiryLists.disconnected) {
      this.#setExpiry(entry, this.rules.now() + this.rules.resumeWindowMs);
    }
    this.updateFreeOrder(host);
  }

  /** Releases the slot of a live session. Returns its host, if that is known. */
  releaseSlot(session: SessionRecord, nowMs: number, callerId: string): MemoryHost | undefined {
    const offered = session.state === 'offered';
    this.liveSessions -= 1;
    if (!offered) this.freedRate.freed += 1;
    const entry = this.sessions.getEntry(session.sessionId);
    const host = entry?.host;
    if (entry === undefined || host === undefined || host === null) return undefined;
    removeFromHost(host, entry);
    host.ramping = withdrawRamping(host.ramping, host.slots, nowMs - toUnixMs(session.reservedAtMs));
    host.digest ^= sessionDigest(session);
    this.updateFreeOrder(host);
    // Hosts do not know of offers.
    if (!offered) this.addChangedSession(host.brokerId, session.sessionId, callerId);
    return host;
  }

  /** Deletes a target reservation without notifying anyone: the session that moves takes its slot in the same step. */
  deleteTargetReservation(host: MemoryHost, { sessionId }: SessionRecord): void {
    const entry = this.sessions.getEntry(sessionId);
    if (entry !== undefined) removeFromHost(host, entry);
    this.liveSessions -= 1;
    this.deleteSession(sessionId);
  }

  /** Ends a live session: frees the slot, records the end, notifies the brokers concerned. */
  endSession(session: SessionRecord, reason: EndReason, nowMs: number, callerId: string): EndedSession {
    const host = this.releaseSlot(session, nowMs, callerId);
    if (reason === 'host_lost' && session.state !== 'arriving') this.lostSessions.add(session, nowMs);
    return this.recordEnded(session, reason, host?.connectionId ?? null, nowMs, callerId);
  }

  /** Records the end of a session that has no slot, and notifies its client's broker. */
  recordEnded(
    session: SessionRecord,
    reason: EndReason,
    hostConnectionId: string | null,
    nowMs: number,
    callerId: string,
  ): EndedSession {
    const ended: SessionRecord = { ...session, state: 'ended', reason, movable: false };
    const entry = this.sessions.getEntry(session.sessionId) ?? this.sessions.add(ended);
    entry.record = ended;
    this.#setExpiry(entry, nowMs + ENDED_KEPT_MS);
    this.addChangedSession(session.clientBrokerId, session.sessionId, callerId);
    return { session: ended, hostConnectionId };
  }

  /** Puts a changed session into a broker's inbox, unless that broker made the change. */
  addChangedSession(brokerId: string, sessionId: string, callerId: string): void {
    if (brokerId === '' || brokerId === callerId) return;
    const changed = this.changedSessions.get(brokerId) ?? {
      firstAtMs: this.rules.now(),
      sessionIds: new Set(),
    };
    changed.sessionIds.add(sessionId);
    this.changedSessions.set(brokerId, changed);
  }

  deleteSession(sessionId: string): void {
    const entry = this.sessions.getEntry(sessionId);
    if (entry === undefined) return;
    entry.expiryList?.remove(entry);
    this.sessions.delete(sessionId);
  }

  /** Whether a session is in that state and its time is over. */
  isExpired(sessionId: string, state: ExpiringState, nowMs: number): boolean {
    const entry = this.sessions.getEntry(sessionId);
    return entry?.expiryList === this.expiryLists[state] && entry.expiresAtMs <= nowMs;
  }

  /** Puts a session into the list of its state and takes it out of any other. */
  #setExpiry(entry: SessionEntry, atMs: number | null): void {
    entry.expiryList?.remove(entry);
    const lists: Partial<Record<StoredState, ExpiryList>> = this.expiryLists;
    if (atMs !== null) lists[entry.record.state]?.add(entry, atMs);
  }
}
