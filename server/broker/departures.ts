import type { Limits } from '../domain/limits.js';
import type { KnownSession } from './connections.js';
import type { WaitingRequest } from './waiting-room.js';

/** So many are remembered at most; a broker that loses more sockets at once forgets the first of them. */
const MAX_REMEMBERED = 20_000;

/** A session whose client's socket was lost, with what its broker knew of it. */
export interface DepartedSession {
  readonly sessionId: string;
  readonly playerId: string;
  readonly known: KnownSession;
}

/**
 * What clients had on this broker whose sockets are gone. The store knows all of it; only when the store loses its
 * memory is it taken from here, for those who are away have nobody else to remember them. Hints, like all that a broker
 * remembers: kept for as long as their players may come back, and no more of them than fit.
 */
export interface Departures {
  readonly sessions: RecentlyGone<DepartedSession>;
  readonly requests: RecentlyGone<WaitingRequest>;
}

export function createDepartures({
  resumeWindowMs,
  queueGraceMs,
}: Pick<Limits, 'resumeWindowMs' | 'queueGraceMs'>): Departures {
  return { sessions: new RecentlyGone(resumeWindowMs), requests: new RecentlyGone(queueGraceMs) };
}

/** By session, each for the same time, the longest gone first. */
export class RecentlyGone<T extends { readonly sessionId: string }> {
  readonly #gone = new Map<string, { readonly item: T; readonly untilMs: number }>();

  /** @param now milliseconds of a clock that never jumps */
  constructor(
    readonly keptMs: number,
    readonly max: number = MAX_REMEMBERED,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(item: T): void {
    this.#gone.delete(item.sessionId);
    this.#gone.set(item.sessionId, { item, untilMs: this.now() + this.keptMs });
    this.#drop();
  }

  /** It is back, or over. */
  forget(sessionId: string): void {
    this.#gone.delete(sessionId);
  }

  get(sessionId: string): T | undefined {
    return this.#gone.get(sessionId)?.item;
  }

  get all(): readonly T[] {
    this.#drop();
    return [...this.#gone.values()].map(({ item }) => item);
  }

  #drop(): void {
    const nowMs = this.now();
    for (const [sessionId, { untilMs }] of this.#gone) {
      if (untilMs > nowMs && this.#gone.size <= this.max) return;
      this.#gone.delete(sessionId);
    }
  }
}
