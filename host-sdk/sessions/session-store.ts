import { isHeldRecord, type EndedRecord, type LiveRecord, type SessionRecord } from './session-record.js';

/** How many signals of all sessions wait for a connection. They are sent in one burst, and brokers limit bursts. */
const MAX_SIGNALS = 1_024;

/**
 * The records of a host's sessions: all that are reserved or held, and a bounded number of ended ones, the latest.
 */
export class SessionStore {
  readonly #slots: number;
  readonly #maxReserved: number;
  readonly #maxEnded: number;
  readonly #maxUnconfirmed: number;
  readonly #live = new Map<string, LiveRecord>();
  /** So that no ticket or message brings an ended session back. In the order in which they ended. */
  readonly #ended = new Map<string, EndedRecord>();
  /** The ended sessions whose end the broker may not know yet. In the order in which they ended. */
  readonly #unconfirmed = new Set<string>();
  #heldCount = 0;
  #signalCount = 0;

  constructor(slots: number) {
    this.#slots = slots;
    // Brokers reserve a slot only if it is free. But a host may receive the end of a reservation later than the next one.
    this.#maxReserved = 64 + 4 * slots;
    // Entries have to outlast the tickets of their sessions: a ticket is valid for minutes, and a slot gets a new session every
    // few minutes at most.
    this.#maxEnded = 256 + 16 * slots;
    this.#maxUnconfirmed = 64 + 2 * slots;
  }

  get heldCount(): number {
    return this.#heldCount;
  }

  get hasFreeSlot(): boolean {
    return this.#heldCount < this.#slots;
  }

  get hasRoomForReservation(): boolean {
    return this.#live.size - this.#heldCount < this.#maxReserved;
  }

  get hasRoomForSignal(): boolean {
    return this.#signalCount < MAX_SIGNALS;
  }

  get(sessionId: string): SessionRecord | undefined {
    return this.#live.get(sessionId) ?? this.#ended.get(sessionId);
  }

  live(): LiveRecord[] {
    return [...this.#live.values()];
  }

  unconfirmed(): string[] {
    return [...this.#unconfirmed];
  }

  set(record: SessionRecord): void {
    const { sessionId } = record;
    const before = this.get(sessionId);
    this.#heldCount += Number(isHeldRecord(record)) - Number(before !== undefined && isHeldRecord(before));
    this.#signalCount += countSignals(record) - countSignals(before);
    if (record.phase !== 'ended') {
      this.#ended.delete(sessionId);
      this.#unconfirmed.delete(sessionId);
      this.#live.set(sessionId, record);
      return;
    }
    this.#live.delete(sessionId);
    // Deleted first, so that the map keeps the order in which sessions ended.
    if (before?.epoch !== record.epoch || before.phase !== 'ended') this.#ended.delete(sessionId);
    this.#ended.set(sessionId, record);
    if (record.unconfirmedEnd === undefined) this.#unconfirmed.delete(sessionId);
    else this.#unconfirmed.add(sessionId);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const oldest of this.#unconfirmed) {
      if (this.#unconfirmed.size <= this.#maxUnconfirmed) break;
      this.#unconfirmed.delete(oldest);
      const record = this.#ended.get(oldest);
      // The broker learns of the end without its reason, because heartbeats no longer list the session.
      if (record !== undefined) this.#ended.set(oldest, { ...record, unconfirmedEnd: undefined });
    }
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#maxEnded) break;
      this.#ended.delete(oldest);
      this.#unconfirmed.delete(oldest);
    }
  }
}

function countSignals(record: SessionRecord | undefined): number {
  return record === undefined || record.phase === 'ended' ? 0 : record.signals.length;
}
