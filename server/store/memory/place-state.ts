import type { EndReason } from '@duskline/protocol/vocabulary';
import { congestion, withdrawRamping } from '../../domain/congestion.js';
import type { Closure } from '../../domain/closure.js';
import type { HostState } from '../../domain/host-state.js';
import { sessionDigest } from '../../domain/session-digest.js';
import type { StoredState } from '../../domain/session-state.js';
import {
  ENDED_KEPT_MS,
  type EndedSession,
  type HostRegistration,
  type SessionMeta,
  type SessionRecord,
} from '../fleet-store.js';
import { DueList } from './due-list.js';
import { FreeHosts } from './free-hosts.js';
import { FreedRate } from './freed-rate.js';
import { LetterBoxes } from './letter-boxes.js';
import {
  countedSlots,
  isOpen,
  leaveSeat,
  newHost,
  takeSeat,
  type KeptSession,
  type MemoryHost,
} from './memory-host.js';
import { SessionTable } from './session-table.js';
import { WaitingLine, type WaitingEntry } from './waiting-line.js';

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
type DueState = Extract<StoredState, 'offered' | 'reserved' | 'disconnected' | 'arriving' | 'ended'>;

/** Everything the memory store knows of one place; each method keeps counters, order and members together. */
export class PlaceState {
  readonly hosts = new Map<string, MemoryHost>();
  readonly sessions = new SessionTable();
  /** Those that take sessions and have a free slot. */
  readonly free = new FreeHosts();
  readonly dues = {
    offered: new DueList(),
    reserved: new DueList(),
    disconnected: new DueList(),
    arriving: new DueList(),
    ended: new DueList(),
  } satisfies Record<DueState, DueList>;
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

  constructor(readonly rules: PlaceRules) {}

  addHost(registration: HostRegistration, nowMs: number): void {
    const { hostId } = registration;
    const closure = this.hostClosures.get(hostId) ?? 'open';
    this.hosts.set(hostId, newHost(registration, closure, this.free.numberFor(hostId), nowMs));
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
    if (isOpen(host) && host.committed < host.slots) this.free.put(host, congestion(host));
    else this.free.remove(host);
  }

  /** The live sessions of a host in the order of their ids. */
  sessionsOf(host: MemoryHost): SessionRecord[] {
    return host.seats
      .map(({ record }) => record)
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0));
  }

  /**
   * Writes a live session, new or changed, and its host's counter and digest.
   *
   * @param heldUntilMs when it runs out, if it is a reservation or an offer
   */
  putLive(host: MemoryHost, session: SessionRecord, heldUntilMs: number | null): void {
    const kept = this.sessions.kept(session.sessionId) ?? this.sessions.add(session);
    const before = kept.record;
    if (kept.host === host) {
      host.digest ^= sessionDigest(before);
    } else {
      takeSeat(host, kept);
      this.liveSessions += 1;
    }
    host.digest ^= sessionDigest(session);
    kept.record = session;
    // Reports repeat: who stays disconnected gains no time by it.
    if (session.state !== 'disconnected') this.#setDue(kept, heldUntilMs);
    else if (kept.dueIn !== this.dues.disconnected) {
      this.#setDue(kept, this.rules.now() + this.rules.resumeWindowMs);
    }
    this.reorder(host);
  }

  /** Frees the slot of a live session. Returns its host, if that is known. */
  leave(session: SessionRecord, nowMs: number, callerId: string): MemoryHost | undefined {
    const offered = session.state === 'offered';
    this.liveSessions -= 1;
    if (!offered) this.freedRate.freed += 1;
    const kept = this.sessions.kept(session.sessionId);
    const host = kept?.host;
    if (kept === undefined || host === undefined || host === null) return undefined;
    leaveSeat(host, kept);
    host.ramping = withdrawRamping(host.ramping, host.slots, nowMs - session.reservedAtMs);
    host.digest ^= sessionDigest(session);
    this.reorder(host);
    // Hosts do not know of offers.
    if (!offered) this.post(host.brokerId, session.sessionId, callerId);
    return host;
  }

  /** Forgets what holds a slot of a host, without anybody being told: something else takes that slot in the same step. */
  vacate(host: MemoryHost, { sessionId }: SessionRecord): void {
    const kept = this.sessions.kept(sessionId);
    if (kept !== undefined) leaveSeat(host, kept);
    this.liveSessions -= 1;
    this.forgetSession(sessionId);
  }

  /**
   * Ends a live session: frees the slot, remembers the end, tells the brokers concerned.
   *
   * @param meta what is remembered of it
   */
  end(
    session: SessionRecord,
    reason: EndReason,
    nowMs: number,
    callerId: string,
    meta: SessionMeta | null = session.meta,
  ): EndedSession {
    const host = this.leave(session, nowMs, callerId);
    return this.bury(session, reason, host?.connectionId ?? null, nowMs, callerId, meta);
  }

  /** Remembers that a session ended, one that has no slot, and tells its client's broker. */
  bury(
    session: SessionRecord,
    reason: EndReason,
    hostConnectionId: string | null,
    nowMs: number,
    callerId: string,
    meta: SessionMeta | null = session.meta,
  ): EndedSession {
    const ended: SessionRecord = { ...session, state: 'ended', reason, meta, movable: false };
    const kept = this.sessions.kept(session.sessionId) ?? this.sessions.add(ended);
    kept.record = ended;
    this.#setDue(kept, nowMs + ENDED_KEPT_MS);
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
    this.free.forget(host);
    this.hosts.delete(host.hostId);
    return ended;
  }

  forgetSession(sessionId: string): void {
    const kept = this.sessions.kept(sessionId);
    if (kept === undefined) return;
    kept.dueIn?.remove(kept);
    this.sessions.delete(sessionId);
  }

  /** Whether the time of a session in that state has come. */
  isDue(sessionId: string, state: DueState, nowMs: number): boolean {
    const kept = this.sessions.kept(sessionId);
    return kept?.dueIn === this.dues[state] && kept.dueAtMs <= nowMs;
  }

  /** A session is due in the list of its state, and in no other. */
  #setDue(kept: KeptSession, atMs: number | null): void {
    kept.dueIn?.remove(kept);
    const lists: Partial<Record<StoredState, DueList>> = this.dues;
    if (atMs !== null) lists[kept.record.state]?.add(kept, atMs);
  }
}
