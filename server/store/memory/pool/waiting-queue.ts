import type { StoreMs } from '../../../domain/store-time.js';
import sortedBtree from 'sorted-btree';
import type { QueueScan } from '../../contracts/queue.js';
import type { SessionMeta } from '../../contracts/session-record.js';

/** An entry that waits in the queue, or has an offer that it has not answered yet. */
export interface MemoryQueueEntry {
  readonly sessionId: string;
  readonly epoch: number;
  /** When it began to wait. */
  readonly arrivedAtMs: StoreMs;
  /** The order in the queue: arrival minus head start, or the time at which it missed an offer. */
  readonly score: number;
  /** Whether it missed an offer, here or in another region pool. */
  readonly missed: boolean;
  readonly clientBrokerId: string;
  readonly meta: SessionMeta;
}

/** Orders by score, and by id where scores are equal, so that both stores order alike. */
interface QueueKey {
  readonly score: number;
  readonly sessionId: string;
}

const BTree = sortedBtree.default;

/**
 * The entries of a region pool: those in the queue, those with an offer, and when each was last attended.
 *
 * Two sorted trees, so that a change costs the same at any queue length.
 */
export class WaitingQueue {
  readonly #queue = new BTree<QueueKey, undefined>(undefined, compareQueueKeys);
  readonly #entries = new Map<string, MemoryQueueEntry>();
  readonly #attended = new BTree<QueueKey, undefined>(undefined, compareQueueKeys);
  readonly #attendedAt = new Map<string, number>();

  /** How many entries are in the queue. */
  get length(): number {
    return this.#queue.size;
  }

  /** An entry in the queue, or with an offer. */
  get(sessionId: string): MemoryQueueEntry | undefined {
    return this.#entries.get(sessionId);
  }

  /** An entry in the queue. */
  getQueued(sessionId: string): MemoryQueueEntry | undefined {
    const entry = this.#entries.get(sessionId);
    return entry !== undefined && this.#queue.has(entry) ? entry : undefined;
  }

  head(): MemoryQueueEntry | undefined {
    const key = this.#queue.minKey();
    return key === undefined ? undefined : this.#entries.get(key.sessionId);
  }

  /** The first of the queue, in order. */
  listFirst(limit: number): MemoryQueueEntry[] {
    const entries: MemoryQueueEntry[] = [];
    for (const { sessionId } of this.#queue.keys()) {
      if (entries.length >= limit) break;
      const entry = this.#entries.get(sessionId);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** A part of the queue, in order: see `QueueStore.scanQueue`. The cursor is the last key of the part before. */
  scan(cursor: string | null, count: number): QueueScan {
    const after = cursor === null ? undefined : decodeCursor(cursor);
    const part: QueueKey[] = [];
    for (const key of this.#queue.keys(after)) {
      if (after !== undefined && compareQueueKeys(key, after) === 0) continue;
      if (part.push(key) >= count) break;
    }
    const last = part.at(-1);
    const isOver = last === undefined || this.#queue.nextHigherKey(last) === undefined;
    return { sessionIds: part.map(({ sessionId }) => sessionId), next: isOver ? null : encodeCursor(last) };
  }

  /** Puts an entry into the queue at the position of its score. */
  add(entry: MemoryQueueEntry): void {
    this.removeFromQueue(entry.sessionId);
    this.#entries.set(entry.sessionId, entry);
    this.#queue.set(queueKeyOf(entry), undefined);
  }

  /** Changes an entry; its position stays. */
  update(
    sessionId: string,
    changes: Partial<Pick<MemoryQueueEntry, 'epoch' | 'missed' | 'clientBrokerId' | 'meta'>>,
  ): void {
    const entry = this.#entries.get(sessionId);
    if (entry !== undefined) this.#entries.set(sessionId, { ...entry, ...changes });
  }

  /** Takes an entry out of the queue, but keeps it: it gets an offer, and may be put back. */
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

  /** All entries, in the queue or with an offer, those attended longest ago first. */
  listAll(): MemoryQueueEntry[] {
    return [...this.#attended.keys()].flatMap(({ sessionId }) => this.#entries.get(sessionId) ?? []);
  }

  /** Entries in the queue that were not attended since then, the longest first. The queue must not change meanwhile. */
  *unattendedSince(atMs: number): Generator<MemoryQueueEntry> {
    for (const { score, sessionId } of this.#attended.keys()) {
      if (score > atMs) return;
      const entry = this.getQueued(sessionId);
      if (entry !== undefined) yield entry;
    }
  }

  /** How many entries are before each of these that is in the queue. One walk for all, because there may be many. */
  positions(sessionIds: readonly string[]): Map<string, number> {
    const wanted = new Set(sessionIds.filter((id) => this.getQueued(id) !== undefined));
    const positions = new Map<string, number>();
    let ahead = 0;
    for (const { sessionId } of this.#queue.keys()) {
      if (positions.size === wanted.size) break;
      if (wanted.has(sessionId)) positions.set(sessionId, ahead);
      ahead += 1;
    }
    return positions;
  }

  /** The queue and the times of attendance, both in order, and all entries: for the model test. */
  dump(): {
    readonly queue: readonly (readonly [sessionId: string, score: number])[];
    readonly attended: readonly (readonly [sessionId: string, atMs: number])[];
    readonly entries: readonly MemoryQueueEntry[];
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

function queueKeyOf({ score, sessionId }: MemoryQueueEntry): QueueKey {
  return { score, sessionId };
}

function encodeCursor({ score, sessionId }: QueueKey): string {
  return `${score}|${sessionId}`;
}

function decodeCursor(cursor: string): QueueKey {
  const bar = cursor.indexOf('|');
  return { score: Number(cursor.slice(0, bar)), sessionId: cursor.slice(bar + 1) };
}

function compareQueueKeys(a: QueueKey, b: QueueKey): number {
  return a.score - b.score || (a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0);
}
