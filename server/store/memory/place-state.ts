import sortedBtree from 'sorted-btree';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { congestion, withdrawRamping } from '../../domain/congestion.js';
import type { Closure } from '../../domain/closure.js';
import { brokerOf } from '../../domain/connection-id.js';
import { takesSessions, type HostState } from '../../domain/host-state.js';
import { sessionDigest } from '../../domain/session-digest.js';
import { ENDED_KEPT_MS, type EndedSession, type SessionRecord } from '../fleet-store.js';
import { DueList } from './due-list.js';
import { FreedRate } from './freed-rate.js';
import { LetterBoxes } from './letter-boxes.js';
import { WaitingLine, type WaitingEntry } from './waiting-line.js';

/** A host, with what the choice among hosts needs. Loads are in millionths. */
export interface MemoryHost {
  readonly hostId: string;
  connectionId: string;
  endpoint: string;
  state: HostState;
  closure: Closure;
  slots: number;
  committed: number;
  measured: number;
  ramping: number;
  beatAtMs: number;
  /** When a sweep first found it missing; 0 when none has. */
  missingAtMs: number;
  digest: number;
  readonly sessions: Set<string>;
  /** Its key in the order of free hosts, while it stands there. */
  freeKey: FreeKey | null;
}

/** Free hosts are ordered by congestion, then by name, so that a tie has one answer everywhere. */
interface FreeKey {
  readonly score: number;
  readonly hostId: string;
}

interface Mailbox {
  readonly firstAtMs: number;
  readonly letters: Set<string>;
}

/** What a place has of its store. Durations are in milliseconds. */
export interface PlaceRules {
  now(): number;
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  /** Tells a broker to look at its mail of this place. */
  nudge(brokerId: string): void;
}

/** The states that last only so long: a session is in the list of its state, with its time. */
const DUE_STATES = ['offered', 'reserved', 'disconnected', 'arriving', 'ended'] as const;

const BTree = sortedBtree.default;

/** Everything the memory store knows of one place; each method keeps counters, order and members together. */
export class PlaceState {
  readonly hosts = new Map<string, MemoryHost>();
  readonly sessions = new Map<string, SessionRecord>();
  readonly dues = {
    offered: new DueList(),
    reserved: new DueList(),
    disconnected: new DueList(),
    arriving: new DueList(),
    ended: new DueList(),
  } satisfies Record<(typeof DUE_STATES)[number], DueList>;
  readonly line = new WaitingLine();
  readonly freedRate = new FreedRate();
  /** Changed sessions by the broker that has to look at them. */
  readonly mail = new Map<string, Mailbox>();
  readonly letters = new LetterBoxes();
  /** Of the place as a whole. */
  closure: Closure = 'open';
  /** Of hosts, also of those that are not here at the moment. */
  readonly hostClosures = new Map<string, Closure>();
  readySlots = 0;
  liveSessions = 0;

  readonly #free = new BTree<FreeKey, MemoryHost>(undefined, compareFree);

  constructor(readonly rules: PlaceRules) {}

  /** The least-congested host that takes sessions and has a free slot. */
  leastCongested(): MemoryHost | undefined {
    const key = this.#free.minKey();
    return key === undefined ? undefined : this.#free.get(key);
  }

  /** Free hosts in the order in which they would be chosen. Nothing may change meanwhile. */
  *inFreeOrder(): Generator<MemoryHost> {
    yield* this.#free.values();
  }

  setState(host: MemoryHost, state: HostState): void {
    this.readySlots -= countedSlots(host);
    host.state = state;
    this.readySlots += countedSlots(host);
    this.reorder(host);
  }

  /** Closes a host to new sessions, or opens it. */
  setClosure(host: MemoryHost, closure: Closure): void {
    this.readySlots -= countedSlots(host);
    host.closure = closure;
    this.readySlots += countedSlots(host);
    this.reorder(host);
  }

  /** Puts the host where its congestion says, or takes it out when it takes nothing more. */
  reorder(host: MemoryHost): void {
    const free = isOpen(host) && host.committed < host.slots;
    const score = free ? congestion(host) : -1;
    if (host.freeKey !== null && host.freeKey.score === score) return;
    if (host.freeKey !== null) this.#free.delete(host.freeKey);
    host.freeKey = free ? { score, hostId: host.hostId } : null;
    if (host.freeKey !== null) this.#free.set(host.freeKey, host);
  }

  /** The live sessions of a host in the order of their ids. */
  sessionsOf(host: MemoryHost): SessionRecord[] {
    return [...host.sessions].sort(compareText).flatMap((id) => this.sessions.get(id) ?? []);
  }

  /**
   * Writes a live session, new or changed, and its host's counter and digest.
   *
   * @param heldUntilMs when it runs out, if it is a reservation or an offer
   */
  putLive(host: MemoryHost, session: SessionRecord, heldUntilMs: number | null): void {
    const before = this.sessions.get(session.sessionId);
    if (host.sessions.has(session.sessionId)) {
      if (before !== undefined) host.digest ^= sessionDigest(before);
    } else {
      host.sessions.add(session.sessionId);
      host.committed += 1;
      this.liveSessions += 1;
    }
    host.digest ^= sessionDigest(session);
    this.sessions.set(session.sessionId, session);
    // Reports repeat: who stays disconnected gains no time by it.
    if (session.state !== 'disconnected') this.#setDue(session, heldUntilMs);
    else if (before?.state !== 'disconnected') {
      this.#setDue(session, this.rules.now() + this.rules.resumeWindowMs);
    }
    this.reorder(host);
  }

  /** Frees the slot of a live session. Returns its host, if that is known. */
  leave(session: SessionRecord, nowMs: number, callerId: string): MemoryHost | undefined {
    const offered = session.state === 'offered';
    this.liveSessions -= 1;
    if (!offered) this.freedRate.freed += 1;
    const host = this.hosts.get(session.hostId);
    if (host === undefined) return undefined;
    host.sessions.delete(session.sessionId);
    host.committed -= 1;
    host.ramping = withdrawRamping(host.ramping, host.slots, nowMs - session.reservedAtMs);
    host.digest ^= sessionDigest(session);
    this.reorder(host);
    // Hosts do not know of offers.
    if (!offered) this.post(brokerOf(host.connectionId), session.sessionId, callerId);
    return host;
  }

  /** Forgets what holds a slot of a host, without anybody being told: something else takes that slot in the same step. */
  vacate(host: MemoryHost, { sessionId }: SessionRecord): void {
    host.sessions.delete(sessionId);
    host.committed -= 1;
    this.liveSessions -= 1;
    this.forgetSession(sessionId);
  }

  /** Ends a live session: frees the slot, remembers the end, tells the brokers concerned. */
  end(session: SessionRecord, reason: EndReason, nowMs: number, callerId: string): EndedSession {
    const host = this.leave(session, nowMs, callerId);
    return this.bury(session, reason, host?.connectionId ?? null, nowMs, callerId);
  }

  /** Remembers that a session ended, one that has no slot, and tells its client's broker. */
  bury(
    session: SessionRecord,
    reason: EndReason,
    hostConnectionId: string | null,
    nowMs: number,
    callerId: string,
  ): EndedSession {
    const ended: SessionRecord = { ...session, state: 'ended', reason, movable: false };
    this.sessions.set(session.sessionId, ended);
    this.#setDue(ended, nowMs + ENDED_KEPT_MS);
    this.post(session.clientBrokerId, session.sessionId, callerId);
    return { session: ended, hostConnectionId };
  }

  /** Takes an offer back: the slot is free again, and of the session only what its placement knows is left. */
  takeBack(offered: SessionRecord, nowMs: number): WaitingEntry | undefined {
    this.leave(offered, nowMs, '');
    this.forgetSession(offered.sessionId);
    return this.line.get(offered.sessionId);
  }

  /** Takes an offer back whose host goes: the placement stands again where it stood. */
  requeue(offered: SessionRecord, nowMs: number): void {
    const entry = this.takeBack(offered, nowMs);
    if (entry === undefined) return;
    this.line.join(entry);
    this.call(entry);
  }

  /** Nobody waits here any more, and what was offered is free again. */
  dismissEverybody(nowMs: number): void {
    for (const entry of this.line.everybody()) {
      const session = this.sessions.get(entry.sessionId);
      if (session?.state === 'offered') this.takeBack(session, nowMs);
      this.line.forget(entry.sessionId);
      this.call(entry);
    }
  }

  /** Leaves word for another broker that a session changed. */
  post(brokerId: string, sessionId: string, callerId: string): void {
    if (brokerId === '' || brokerId === callerId) return;
    const box = this.mail.get(brokerId) ?? { firstAtMs: this.rules.now(), letters: new Set() };
    box.letters.add(sessionId);
    this.mail.set(brokerId, box);
  }

  /** Tells the broker of a placement that its turn came or went, even if it is the caller: it did not ask for that. */
  call({ clientBrokerId, sessionId }: WaitingEntry): void {
    if (clientBrokerId === '') return;
    this.post(clientBrokerId, sessionId, '');
    this.rules.nudge(clientBrokerId);
  }

  /**
   * Ends all sessions of a host and forgets it. What was offered on it waits again. Its slots go with it: they are
   * nothing that waiting players may hope for.
   */
  removeHost(host: MemoryHost, reason: EndReason, nowMs: number, callerId: string): EndedSession[] {
    const ended: EndedSession[] = [];
    const freedBefore = this.freedRate.freed;
    for (const session of this.sessionsOf(host)) {
      if (session.state === 'offered') this.requeue(session, nowMs);
      else ended.push(this.end(session, reason, nowMs, callerId));
    }
    this.freedRate.freed = freedBefore;
    this.setState(host, 'lost');
    this.hosts.delete(host.hostId);
    return ended;
  }

  forgetSession(sessionId: string): void {
    for (const state of DUE_STATES) this.dues[state].delete(sessionId);
    this.sessions.delete(sessionId);
  }

  /** A session is due in the list of its state, and in no other. */
  #setDue({ sessionId, state }: SessionRecord, atMs: number | null): void {
    for (const other of DUE_STATES) {
      if (other === state && atMs !== null) this.dues[other].set(sessionId, atMs);
      else this.dues[other].delete(sessionId);
    }
  }
}

/** Whether new sessions may be placed on a host. */
function isOpen({ state, closure }: MemoryHost): boolean {
  return takesSessions(state) && closure === 'open';
}

/** The slots that a host adds to those of its place. */
export function countedSlots(host: MemoryHost): number {
  return isOpen(host) ? host.slots : 0;
}

function compareFree(a: FreeKey, b: FreeKey): number {
  return a.score - b.score || compareText(a.hostId, b.hostId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
