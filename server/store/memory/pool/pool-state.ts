import type { EndReason } from '@duskline/protocol/vocabulary';
import { congestion, withdrawRamping } from '../../../domain/congestion.js';
import type { Closure } from '../../../domain/closure.js';
import type { HostState } from '../../../domain/host-state.js';
import { sessionDigest } from '../../../domain/session-digest.js';
import type { StoredState } from '../../../domain/session-state.js';
import {
  ENDED_KEPT_MS,
  type EndedSession,
  type HostRegistration,
  type SessionMeta,
  type SessionRecord,
} from '../../fleet-store.js';
import { ExpiryList } from './expiry-list.js';
import { FreeHosts } from './free-hosts.js';
import { FreedRate } from './freed-rate.js';
import { Inboxes } from './inboxes.js';
import {
  countedSlots,
  isOpen,
  removeFromHost,
  newHost,
  addToHost,
  type SessionEntry,
  type MemoryHost,
} from './memory-host.js';
import { SessionTable } from './session-table.js';
import { WaitingQueue, type WaitingEntry } from './waiting-queue.js';

interface ChangedSessions {
  readonly firstAtMs: number;
  readonly sessionIds: Set<string>;
}

/** What a place has of its store. Durations are in milliseconds. */
export interface PoolRules {
  now(): number;
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  /** Tells a broker to look at its mail of this place. */
  sendWakeUp(brokerId: string): void;
}

/** The states that last only so long: a session is in the list of its state, with its time. */
type ExpiringState = Extract<StoredState, 'offered' | 'reserved' | 'disconnected' | 'arriving' | 'ended'>;

/** Everything the memory store knows of one place; each method keeps counters, order and members together. */
export class PoolState {
  readonly hosts = new Map<string, MemoryHost>();
  readonly sessions = new SessionTable();
  /** Those that take sessions and have a free slot. */
  readonly freeHosts = new FreeHosts();
  readonly expiryLists = {
    offered: new ExpiryList(),
    reserved: new ExpiryList(),
    disconnected: new ExpiryList(),
    arriving: new ExpiryList(),
    ended: new ExpiryList(),
  } satisfies Record<ExpiringState, ExpiryList>;
  readonly waitingQueue = new WaitingQueue();
  readonly freedRate = new FreedRate();
  /** Changed sessions by the broker that has to look at them. */
  readonly changedSessions = new Map<string, ChangedSessions>();
  readonly inboxes = new Inboxes();
  /** Of the place as a whole. */
  closure: Closure = 'open';
  /** Of hosts, also of those that are not here at the moment. */
  readonly hostClosures = new Map<string, Closure>();
  readySlots = 0;
  liveSessions = 0;

  constructor(readonly rules: PoolRules) {}

  addHost(registration: HostRegistration, nowMs: number): void {
    const { hostId } = registration;
    const closure = this.hostClosures.get(hostId) ?? 'open';
    this.hosts.set(hostId, newHost(registration, closure, this.freeHosts.assignNumber(hostId), nowMs));
  }

  setState(host: MemoryHost, state: HostState): void {
    this.readySlots -= countedSlots(host);
    host.state = state;
    this.readySlots += countedSlots(host);
    this.updateFreeOrder(host);
  }

  /** Closes a host to new sessions, or opens it. */
  setClosure(host: MemoryHost, closure: Closure): void {
    this.readySlots -= countedSlots(host);
    host.closure = closure;
    this.readySlots += countedSlots(host);
    this.updateFreeOrder(host);
  }

  /** Puts the host where its congestion says, or takes it out when it takes nothing more. */
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
   * @param heldUntilMs when it runs out, if it is a reservation or an offer
   */
  saveLiveSession(host: MemoryHost, session: SessionRecord, heldUntilMs: number | null): void {
    const kept = this.sessions.getEntry(session.sessionId) ?? this.sessions.add(session);
    const before = kept.record;
    if (kept.host === host) {
      host.digest ^= sessionDigest(before);
    } else {
      addToHost(host, kept);
      this.liveSessions += 1;
    }
    host.digest ^= sessionDigest(session);
    kept.record = session;
    // Reports repeat: who stays disconnected gains no time by it.
    if (session.state !== 'disconnected') this.#setExpiry(kept, heldUntilMs);
    else if (kept.expiryList !== this.expiryLists.disconnected) {
      this.#setExpiry(kept, this.rules.now() + this.rules.resumeWindowMs);
    }
    this.updateFreeOrder(host);
  }

  /** Frees the slot of a live session. Returns its host, if that is known. */
  freeSlot(session: SessionRecord, nowMs: number, callerId: string): MemoryHost | undefined {
    const offered = session.state === 'offered';
    this.liveSessions -= 1;
    if (!offered) this.freedRate.freed += 1;
    const kept = this.sessions.getEntry(session.sessionId);
    const host = kept?.host;
    if (kept === undefined || host === undefined || host === null) return undefined;
    removeFromHost(host, kept);
    host.ramping = withdrawRamping(host.ramping, host.slots, nowMs - session.reservedAtMs);
    host.digest ^= sessionDigest(session);
    this.updateFreeOrder(host);
    // Hosts do not know of offers.
    if (!offered) this.addChangedSession(host.brokerId, session.sessionId, callerId);
    return host;
  }

  /** Forgets what holds a slot of a host, without anybody being told: something else takes that slot in the same step. */
  discardSlotHolder(host: MemoryHost, { sessionId }: SessionRecord): void {
    const kept = this.sessions.getEntry(sessionId);
    if (kept !== undefined) removeFromHost(host, kept);
    this.liveSessions -= 1;
    this.deleteSession(sessionId);
  }

  /**
   * Ends a live session: frees the slot, remembers the end, tells the brokers concerned.
   *
   * @param meta what is remembered of it
   */
  endSession(
    session: SessionRecord,
    reason: EndReason,
    nowMs: number,
    callerId: string,
    meta: SessionMeta | null = session.meta,
  ): EndedSession {
    const host = this.freeSlot(session, nowMs, callerId);
    return this.recordEnded(session, reason, host?.connectionId ?? null, nowMs, callerId, meta);
  }

  /** Remembers that a session ended, one that has no slot, and tells its client's broker. */
  recordEnded(
    session: SessionRecord,
    reason: EndReason,
    hostConnectionId: string | null,
    nowMs: number,
    callerId: string,
    meta: SessionMeta | null = session.meta,
  ): EndedSession {
    const ended: SessionRecord = { ...session, state: 'ended', reason, meta, movable: false };
    const kept = this.sessions.getEntry(session.sessionId) ?? this.sessions.add(ended);
    kept.record = ended;
    this.#setExpiry(kept, nowMs + ENDED_KEPT_MS);
    this.addChangedSession(session.clientBrokerId, session.sessionId, callerId);
    return { session: ended, hostConnectionId };
  }

  /** Takes an offer back: the slot is free again, and of the session only what its placement knows is left. */
  withdrawOffer(offered: SessionRecord, nowMs: number): WaitingEntry | undefined {
    this.freeSlot(offered, nowMs, '');
    this.deleteSession(offered.sessionId);
    return this.waitingQueue.get(offered.sessionId);
  }

  /** Takes an offer back whose host goes: the placement stands again where it stood. */
  requeueOffer(offered: SessionRecord, nowMs: number): void {
    const entry = this.withdrawOffer(offered, nowMs);
    if (entry === undefined) return;
    this.waitingQueue.add(entry);
    this.notifyOfferChange(entry);
  }

  /** Nobody waits here any more, and what was offered is free again. */
  clearQueue(nowMs: number): void {
    for (const entry of this.waitingQueue.listAll()) {
      const session = this.sessions.get(entry.sessionId);
      if (session?.state === 'offered') this.withdrawOffer(session, nowMs);
      this.waitingQueue.delete(entry.sessionId);
      this.notifyOfferChange(entry);
    }
  }

  /** Leaves word for another broker that a session changed. */
  addChangedSession(brokerId: string, sessionId: string, callerId: string): void {
    if (brokerId === '' || brokerId === callerId) return;
    const box = this.changedSessions.get(brokerId) ?? { firstAtMs: this.rules.now(), sessionIds: new Set() };
    box.sessionIds.add(sessionId);
    this.changedSessions.set(brokerId, box);
  }

  /** Tells the broker of a placement that its turn came or went, even if it is the caller: it did not ask for that. */
  notifyOfferChange({ clientBrokerId, sessionId }: WaitingEntry): void {
    if (clientBrokerId === '') return;
    this.addChangedSession(clientBrokerId, sessionId, '');
    this.rules.sendWakeUp(clientBrokerId);
  }

  /**
   * Ends all sessions of a host and forgets it. What was offered on it waits again. Its slots go with it: they are
   * nothing that waiting players may hope for.
   */
  removeHost(host: MemoryHost, reason: EndReason, nowMs: number, callerId: string): EndedSession[] {
    const ended: EndedSession[] = [];
    const freedBefore = this.freedRate.freed;
    for (const session of this.listHostSessions(host)) {
      if (session.state === 'offered') this.requeueOffer(session, nowMs);
      else ended.push(this.endSession(session, reason, nowMs, callerId));
    }
    this.freedRate.freed = freedBefore;
    this.setState(host, 'lost');
    this.freeHosts.delete(host);
    this.hosts.delete(host.hostId);
    return ended;
  }

  deleteSession(sessionId: string): void {
    const kept = this.sessions.getEntry(sessionId);
    if (kept === undefined) return;
    kept.expiryList?.remove(kept);
    this.sessions.delete(sessionId);
  }

  /** Whether the time of a session in that state has come. */
  isExpired(sessionId: string, state: ExpiringState, nowMs: number): boolean {
    const kept = this.sessions.getEntry(sessionId);
    return kept?.expiryList === this.expiryLists[state] && kept.expiresAtMs <= nowMs;
  }

  /** A session is due in the list of its state, and in no other. */
  #setExpiry(kept: SessionEntry, atMs: number | null): void {
    kept.expiryList?.remove(kept);
    const lists: Partial<Record<StoredState, ExpiryList>> = this.expiryLists;
    if (atMs !== null) lists[kept.record.state]?.add(kept, atMs);
  }
}
