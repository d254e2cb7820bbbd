import sortedBtree from 'sorted-btree';
import type { SessionMeta } from '../../fleet-store.js';

/** A placement that waits, or whose turn came and which has not answered yet. */
export interface WaitingEntry {
  readonly sessionId: string;
  readonly epoch: number;
  /** When it began to wait. */
  readonly arrivedAtMs: number;
  /** Where it stands: arrival minus head start, or when it missed an offer. */
  readonly score: number;
  /** It let an offer pass, here or in another place. */
  readonly missed: boolean;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}

/** Something by number, and by id where numbers are equal, so that a tie has one answer everywhere. */
interface QueueKey {
  readonly score: number;
  readonly sessionId: string;
}

const BTree = sortedBtree.default;

/**
 * Who waits in a place: the queue, what is known of everybody in it and of those who were offered a slot,
 * and when somebody last attended to each of them.
 */
export class WaitingQueue {
  readonly #queue = new BTree<QueueKey, undefined>(undefined, compareQueueKeys);
  readonly #entries = new Map<string, WaitingEntry>();
  readonly #attended = new BTree<QueueKey, undefined>(undefined, compareQueueKeys);
  readonly #attendedAt = new Map<string, number>();

  /** How many stand in the queue. */
  get length(): number {
    return this.#queue.size;
  }

  /** Those who stand in the queue and those who were offered a slot. */
  get(sessionId: string): WaitingEntry | undefined {
    return this.#entries.get(sessionId);
  }

  /** Whoever stands in the queue. */
  getQueued(sessionId: string): WaitingEntry | undefined {
    const entry = this.#entries.get(sessionId);
    return entry !== undefined && this.#queue.has(entry) ? entry : undefined;
  }

  head(): WaitingEntry | undefined {
    const key = this.#queue.minKey();
    return key === undefined ? undefined : this.#entries.get(key.sessionId);
  }

  /** The first of the queue, in order. */
  listFirst(limit: number): WaitingEntry[] {
    const entries: WaitingEntry[] = [];
    for (const { sessionId } of this.#queue.keys()) {
      if (entries.length >= limit) break;
      const entry = this.#entries.get(sessionId);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** Puts a placement where its score says. */
  add(entry: WaitingEntry): void {
    this.removeFromQueue(entry.sessionId);
    this.#entries.set(entry.sessionId, entry);
    this.#queue.set(queueKeyOf(entry), undefined);
  }

  /** Notes something of a placement anew; where it stands stays. */
  update(
    sessionId: string,
    changes: Partial<Pick<WaitingEntry, 'epoch' | 'missed' | 'clientBrokerId' | 'meta'>>,
  ): void {
    const entry = this.#entries.get(sessionId);
    if (entry !== undefined) this.#entries.set(sessionId, { ...entry, ...changes });
  }

  /** Takes a placement out of the queue. What is known of it stays, for it may come back. */
  removeFromQueue(sessionId: string): void {
    const entry = this.#entries.get(sessionId);
    if (entry !== undefined) this.#queue.delete(entry);
  }

  delete(sessionId: string): void {
    this.removeFromQueue(sessionId);
    this.#clearAttended(sessionId);
    this.#entries.delete(sessionId);
  }

  markAttended(sessionId: string, nowMs: number): void {
    this.#clearAttended(sessionId);
    this.#attendedAt.set(sessionId, nowMs);
    this.#attended.set({ score: nowMs, sessionId }, undefined);
  }

  /** All who wait or were offered a slot, those whom somebody attended longest ago first. */
  listAll(): WaitingEntry[] {
    return [...this.#attended.keys()].flatMap(({ sessionId }) => this.#entries.get(sessionId) ?? []);
  }

  /** Those in the queue whom nobody attended since then, the longest first. Nothing may change meanwhile. */
  *unattendedSince(atMs: number): Generator<WaitingEntry> {
    for (const { score, sessionId } of this.#attended.keys()) {
      if (score > atMs) return;
      const entry = this.getQueued(sessionId);
      if (entry !== undefined) yield entry;
    }
  }

  /** How many stand before each of these, if it stands in the queue: in one walk, for there may be many. */
  positions(sessionIds: readonly string[]): Map<string, number> {
    const wanted = new Set(sessionIds.filter((id) => this.getQueued(id) !== undefined));
    const ranks = new Map<string, number>();
    let ahead = 0;
    for (const { sessionId } of this.#queue.keys()) {
      if (ranks.size === wanted.size) break;
      if (wanted.has(sessionId)) ranks.set(sessionId, ahead);
      ahead += 1;
    }
    return ranks;
  }

  /** The queue and who was attended when, both in order, and all entries: for the model test. */
  dump(): {
    readonly queue: readonly (readonly [sessionId: string, score: number])[];
    readonly attended: readonly (readonly [sessionId: string, atMs: number])[];
    readonly entries: readonly WaitingEntry[];
  } {
    const pairsOf = (keys: readonly QueueKey[]): [string, number][] =>
      keys.map(({ sessionId, score }) => [sessionId, score]);
    return {
      queue: pairsOf(this.#queue.keysArray()),
      attended: pairsOf(this.#attended.keysArray()),
      entries: [...this.#entries.values()],
    };
  }

  #clearAttended(sessionId: string): void {
    const atMs = this.#attendedAt.get(sessionId);
    if (atMs === undefined) return;
    this.#attended.delete({ score: atMs, sessionId });
    this.#attendedAt.delete(sessionId);
  }
}

function queueKeyOf({ score, sessionId }: WaitingEntry): QueueKey {
  return { score, sessionId };
}

function compareQueueKeys(a: QueueKey, b: QueueKey): number {
  return a.score - b.score || (a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0);
}
