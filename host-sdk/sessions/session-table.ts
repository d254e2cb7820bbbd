import type { HeldSession } from '@duskline/protocol';
import { EndedEpochs } from './ended-epochs.js';
import {
  isMovable,
  type ClaimedAssignment,
  type EndedRecord,
  type PreparedAssignment,
  type SessionRecord,
} from './session-record.js';
import { isHeld, nextState, type HostSessionEvent } from './session-transitions.js';

export type PrepareOutcome =
  /** A new assignment. `replaced` is an older one of the same session, which has ended now. */
  | { readonly kind: 'prepared'; readonly record: SessionRecord; readonly replaced?: EndedRecord }
  /** Nothing to decide: the ticket arrived before the message, or the message arrived twice. */
  | { readonly kind: 'known' }
  /** The table has a newer assignment, or this one has ended. */
  | { readonly kind: 'stale' };

export type ClaimOutcome =
  | {
      readonly ok: true;
      readonly record: SessionRecord;
      /** The client had been admitted before, and lost its connection. */
      readonly readmitted: boolean;
      readonly replaced?: EndedRecord;
    }
  | { readonly ok: false; readonly fault: ClaimFault };

export const CLAIM_FAULTS = [
  /** The session has a newer assignment. */
  'stale_epoch',
  /** The session has ended, or its reservation expired. */
  'session_over',
  /** A client was admitted already: the ticket was shown twice. */
  'already_claimed',
  /** Every slot is in use. */
  'no_free_slot',
] as const;
export type ClaimFault = (typeof CLAIM_FAULTS)[number];

/**
 * The sessions of one host. The host is the authority on them. No I/O and no clock: callers pass `nowMs`.
 *
 * Invariants: there are never more held sessions than slots; each session has one record; the epochs of a session only increase,
 * also after it has ended.
 */
export class SessionTable {
  readonly #slots: number;
  readonly #defaultMovable: boolean;
  readonly #records = new Map<string, SessionRecord>();
  /** So that a ticket cannot bring an ended session back. */
  readonly #endedEpochs: EndedEpochs;

  /** @param movable whether new sessions are movable */
  constructor(slots: number, movable = false) {
    this.#slots = slots;
    this.#defaultMovable = movable;
    // Entries have to outlast the tickets of their sessions: a ticket is valid for minutes, and a slot gets a new session every
    // few minutes at most.
    this.#endedEpochs = new EndedEpochs(256 + 16 * slots);
  }

  get(sessionId: string): SessionRecord | undefined {
    return this.#records.get(sessionId);
  }

  /** The number of reservations that have not expired, and of held sessions. */
  countSessions(nowMs: number): { readonly prepared: number; readonly held: number } {
    let prepared = 0;
    let held = 0;
    for (const record of this.#records.values()) {
      if (isHeld(record.state)) held += 1;
      else if (nowMs < record.claimByMs) prepared += 1;
    }
    return { prepared, held };
  }

  /** The sessions that `register` and `heartbeat` list. */
  listHeld(): HeldSession[] {
    const list: HeldSession[] = [];
    for (const record of this.#records.values()) {
      const { sessionId, epoch, state } = record;
      if (!isHeld(state)) continue;
      list.push({ sessionId, epoch, state, ...(isMovable(record) ? { movable: true } : {}) });
    }
    return list;
  }

  /** The reservations that the application has accepted, for heartbeats. */
  listPrepared(): Pick<HeldSession, 'sessionId' | 'epoch'>[] {
    const list: Pick<HeldSession, 'sessionId' | 'epoch'>[] = [];
    for (const { sessionId, epoch, state, begun, isAccepted } of this.#records.values()) {
      if (state === 'prepared' && begun && isAccepted) list.push({ sessionId, epoch });
    }
    return list;
  }

  records(): SessionRecord[] {
    return [...this.#records.values()];
  }

  /** @param begun false for a session that moves to this host */
  prepare(assignment: PreparedAssignment, nowMs: number, begun = true): PrepareOutcome {
    const { sessionId, epoch, stream, limits } = assignment;
    if (epoch <= this.#endedEpochs.get(sessionId)) return { kind: 'stale' };
    const known = this.#records.get(sessionId);
    if (known !== undefined && epoch < known.epoch) return { kind: 'stale' };
    if (known?.epoch === epoch) {
      known.stream ??= stream;
      known.limits ??= limits;
      return { kind: 'known' };
    }
    const replaced = this.#endSuperseded(known);
    const record = this.#addRecord(assignment, 'prepared', nowMs + assignment.claimWithinMs);
    record.stream = stream;
    record.limits = limits;
    record.begun = begun;
    return { kind: 'prepared', record, ...replaced };
  }

  /** A client shows a valid ticket. */
  claim(assignment: ClaimedAssignment, nowMs: number): ClaimOutcome {
    const { sessionId, epoch } = assignment;
    const endedEpoch = this.#endedEpochs.get(sessionId);
    const known = this.#records.get(sessionId);
    if (epoch < Math.max(endedEpoch, known?.epoch ?? 0)) return { ok: false, fault: 'stale_epoch' };
    if (epoch === endedEpoch) return { ok: false, fault: 'session_over' };

    if (known?.epoch === epoch) {
      const expired = known.state === 'prepared' && nowMs >= known.claimByMs;
      if (expired) return { ok: false, fault: 'session_over' };
      const readmitted = isHeld(known.state);
      const next = nextState(known.state, 'admit');
      if (next === undefined) return { ok: false, fault: 'already_claimed' };
      if (!readmitted && this.#countHeldExcept(known) >= this.#slots)
        return { ok: false, fault: 'no_free_slot' };
      known.state = next;
      recordAdmission(known, nowMs);
      return { ok: true, record: known, readmitted };
    }

    // The ticket arrived before `prepare`. The broker signed it, so it is equally valid.
    if (this.#countHeldExcept(known) >= this.#slots) return { ok: false, fault: 'no_free_slot' };
    const replaced = this.#endSuperseded(known);
    const record = this.#addRecord(assignment, 'active', Infinity);
    recordAdmission(record, nowMs);
    return { ok: true, record, readmitted: false, ...replaced };
  }

  /** Applies an event. Returns false if the table of transitions does not allow it. */
  applyEvent(record: SessionRecord, event: Exclude<HostSessionEvent, 'admit'>): boolean {
    const next = nextState(record.state, event);
    if (next === undefined) return false;
    record.state = next;
    if (next === 'ended') {
      this.#records.delete(record.sessionId);
      this.#endedEpochs.add(record.sessionId, record.epoch);
    }
    return true;
  }

  /**
   * The broker ends an assignment. Returns the ended record, if the session had this epoch or an older one here. A newer one is
   * left alone.
   */
  endByBroker(sessionId: string, epoch: number): SessionRecord | undefined {
    const known = this.#records.get(sessionId);
    if (known !== undefined && epoch < known.epoch) return undefined;
    this.#endedEpochs.add(sessionId, epoch);
    if (known === undefined) return undefined;
    known.state = 'ended';
    this.#records.delete(sessionId);
    return known;
  }

  /** Ends the reservations that no client claimed in time. */
  expireReservations(nowMs: number): EndedRecord[] {
    const expired: EndedRecord[] = [];
    for (const record of this.#records.values()) {
      if (record.state !== 'prepared' || nowMs < record.claimByMs) continue;
      this.applyEvent(record, 'end');
      expired.push({ record, reason: 'reservation_expired' });
    }
    return expired;
  }

  #addRecord(
    { sessionId, epoch, title, playerId }: ClaimedAssignment,
    state: 'prepared' | 'active',
    claimByMs: number,
  ): SessionRecord {
    const unknown = { stream: undefined, limits: undefined, admittedAtMs: undefined };
    const moves = { begun: true, movable: this.#defaultMovable };
    const record: SessionRecord = {
      sessionId,
      epoch,
      title,
      playerId,
      state,
      claimByMs,
      isAccepted: false,
      ...unknown,
      ...moves,
    };
    this.#records.set(sessionId, record);
    return record;
  }

  #endSuperseded(record: SessionRecord | undefined): { replaced?: EndedRecord } {
    if (record === undefined) return {};
    this.applyEvent(record, 'end');
    return { replaced: { record, reason: 'superseded' } };
  }

  #countHeldExcept(own: SessionRecord | undefined): number {
    let held = 0;
    for (const record of this.#records.values()) if (record !== own && isHeld(record.state)) held += 1;
    return held;
  }
}

/** The limits count from the first admission; a client that reconnects does not restart them. */
function recordAdmission(record: SessionRecord, nowMs: number): void {
  record.admittedAtMs ??= nowMs;
}
