import type { Limits } from '../../domain/limits.js';
import type { ClientSession } from '../connections/connections.js';
import type { WaitingRequest } from '../requests/waiting-requests.js';

/** So many are remembered at most; a broker that loses more sockets at once forgets the first of them. */
const MAX_RECORDS = 20_000;

/** A session whose client's socket was lost, with what its broker knew of it. */
export interface DisconnectedSession {
  readonly sessionId: string;
  readonly playerId: string;
  readonly known: ClientSession;
}

/**
 * What clients had on this broker whose sockets are gone. The store knows all of it; only when the store loses its
 * memory is it taken from here, for those who are away have nobody else to remember them. Hints, like all that a broker
 * remembers: kept for as long as their players may come back, and no more of them than fit.
 */
export interface DisconnectedClients {
  readonly sessions: ExpiringRecords<DisconnectedSession>;
  readonly requests: ExpiringRecords<WaitingRequest>;
}

export function createDisconnectedClients({
  resumeWindowMs,
  queueGraceMs,
}: Pick<Limits, 'resumeWindowMs' | 'queueGraceMs'>): DisconnectedClients {
  return { sessions: new ExpiringRecords(resumeWindowMs), requests: new ExpiringRecords(queueGraceMs) };
}

/** By session, each for the same time, the longest gone first. */
export class ExpiringRecords<T extends { readonly sessionId: string }> {
  readonly #gone = new Map<string, { readonly item: T; readonly untilMs: number }>();

  /** @param now milliseconds of a clock that never jumps */
  constructor(
    readonly retentionMs: number,
    readonly max: number = MAX_RECORDS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(item: T): void {
    this.#gone.delete(item.sessionId);
    this.#gone.set(item.sessionId, { item, untilMs: this.now() + this.retentionMs });
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
