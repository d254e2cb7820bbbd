import sortedBtree from 'sorted-btree';
import { congestion, withdrawRamping } from '../../domain/congestion.js';
import { takesSessions, type HostState } from '../../domain/host-state.js';
import { sessionDigest } from '../../domain/session-digest.js';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { brokerOf } from '../../domain/connection-id.js';
import { ENDED_KEPT_MS, type EndedSession, type SessionRecord } from '../fleet-store.js';
import { LetterBoxes } from './letter-boxes.js';

/** A host, with what the choice among hosts needs. Loads are in millionths. */
export interface MemoryHost {
  readonly hostId: string;
  connectionId: string;
  endpoint: string;
  state: HostState;
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

/** Sessions that run out, in the order of their time; those of one time in the order in which they came. */
interface DueKey {
  readonly atMs: number;
  readonly order: number;
  readonly sessionId: string;
}

interface Mailbox {
  readonly firstAtMs: number;
  readonly letters: Set<string>;
}

const BTree = sortedBtree.default;

/** Everything the memory store knows of one place; each method keeps counters, order and members together. */
export class PlaceState {
  readonly hosts = new Map<string, MemoryHost>();
  readonly sessions = new Map<string, SessionRecord>();
  readonly reserved = new BTree<DueKey, undefined>(undefined, compareDue);
  readonly ended = new BTree<DueKey, undefined>(undefined, compareDue);
  /** Changed sessions by the broker that has to look at them. */
  readonly mail = new Map<string, Mailbox>();
  readonly letters = new LetterBoxes();
  readySlots = 0;
  liveSessions = 0;

  readonly #free = new BTree<FreeKey, MemoryHost>(undefined, compareFree);
  readonly #reservedUntil = new Map<string, DueKey>();
  readonly #endedUntil = new Map<string, DueKey>();
  #dueCount = 0;

  constructor(private readonly now: () => number) {}

  /** The least-congested host that takes sessions and has a free slot. */
  leastCongested(): MemoryHost | undefined {
    const key = this.#free.minKey();
    return key === undefined ? undefined : this.#free.get(key);
  }

  /** Free hosts in the order in which they would be chosen. */
  freeOrder(): string[] {
    return this.#free.keysArray().map((key) => key.hostId);
  }

  setState(host: MemoryHost, state: HostState): void {
    if (takesSessions(host.state)) this.readySlots -= host.slots;
    host.state = state;
    if (takesSessions(state)) this.readySlots += host.slots;
    this.reorder(host);
  }

  /** Puts the host where its congestion says, or takes it out when it takes nothing more. */
  reorder(host: MemoryHost): void {
    const free = takesSessions(host.state) && host.committed < host.slots;
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

  /** Writes a live session, new or changed, and its host's counter and digest. */
  putLive(host: MemoryHost, session: SessionRecord, reservedUntilMs: number | null): void {
    const before = this.sessions.get(session.sessionId);
    if (before?.state === 'ended') this.#dropEnded(before.sessionId);
    if (host.sessions.has(session.sessionId)) {
      if (before !== undefined) host.digest ^= sessionDigest(before);
    } else {
      host.sessions.add(session.sessionId);
      host.committed += 1;
      this.liveSessions += 1;
    }
    host.digest ^= sessionDigest(session);
    this.sessions.set(session.sessionId, session);
    this.#setReserved(session.sessionId, reservedUntilMs);
    this.reorder(host);
  }

  /** Frees the slot of a live session. Returns its host, if that is known. */
  leave(session: SessionRecord, nowMs: number, callerId: string): MemoryHost | undefined {
    this.liveSessions -= 1;
    const host = this.hosts.get(session.hostId);
    if (host === undefined) return undefined;
    host.sessions.delete(session.sessionId);
    host.committed -= 1;
    host.ramping = withdrawRamping(host.ramping, host.slots, nowMs - session.reservedAtMs);
    host.digest ^= sessionDigest(session);
    this.reorder(host);
    this.post(brokerOf(host.connectionId), session.sessionId, callerId);
    return host;
  }

  /** Ends a live session: frees the slot, remembers the end, tells the brokers concerned. */
  end(session: SessionRecord, reason: EndReason, nowMs: number, callerId: string): EndedSession {
    const host = this.leave(session, nowMs, callerId);
    const ended: SessionRecord = { ...session, state: 'ended', reason };
    this.sessions.set(session.sessionId, ended);
    this.#setReserved(session.sessionId, null);
    const due = this.#dueAt(nowMs + ENDED_KEPT_MS, session.sessionId);
    this.#endedUntil.set(session.sessionId, due);
    this.ended.set(due, undefined);
    this.post(session.clientBrokerId, session.sessionId, callerId);
    return { session: ended, hostConnectionId: host?.connectionId ?? null };
  }

  /** Leaves word for another broker that a session changed. */
  post(brokerId: string, sessionId: string, callerId: string): void {
    if (brokerId === '' || brokerId === callerId) return;
    const box = this.mail.get(brokerId) ?? { firstAtMs: this.now(), letters: new Set() };
    box.letters.add(sessionId);
    this.mail.set(brokerId, box);
  }

  removeHost(host: MemoryHost, reason: EndReason, nowMs: number, callerId: string): EndedSession[] {
    const ended = this.sessionsOf(host).map((session) => this.end(session, reason, nowMs, callerId));
    this.setState(host, 'lost');
    this.hosts.delete(host.hostId);
    return ended;
  }

  forgetSession(sessionId: string): void {
    this.#dropEnded(sessionId);
    this.sessions.delete(sessionId);
  }

  #dropEnded(sessionId: string): void {
    const due = this.#endedUntil.get(sessionId);
    if (due === undefined) return;
    this.ended.delete(due);
    this.#endedUntil.delete(sessionId);
  }

  #setReserved(sessionId: string, untilMs: number | null): void {
    const before = this.#reservedUntil.get(sessionId);
    if (before !== undefined) this.reserved.delete(before);
    if (untilMs === null) {
      this.#reservedUntil.delete(sessionId);
      return;
    }
    const due = this.#dueAt(untilMs, sessionId);
    this.#reservedUntil.set(sessionId, due);
    this.reserved.set(due, undefined);
  }

  #dueAt(atMs: number, sessionId: string): DueKey {
    this.#dueCount += 1;
    return { atMs, order: this.#dueCount, sessionId };
  }
}

function compareFree(a: FreeKey, b: FreeKey): number {
  return a.score - b.score || compareText(a.hostId, b.hostId);
}

function compareDue(a: DueKey, b: DueKey): number {
  return a.atMs - b.atMs || a.order - b.order;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
