import type { SessionRecord } from '../fleet-store.js';
import type { KeptSession } from './memory-host.js';

/** The sessions of a place by their ids. */
export class SessionTable {
  readonly #kept = new Map<string, KeptSession>();

  get(sessionId: string): SessionRecord | undefined {
    return this.#kept.get(sessionId)?.record;
  }

  kept(sessionId: string): KeptSession | undefined {
    return this.#kept.get(sessionId);
  }

  /** Adds a session that is not known. */
  add(record: SessionRecord): KeptSession {
    const kept: KeptSession = {
      record,
      host: null,
      seat: -1,
      dueIn: null,
      dueAtMs: 0,
      earlier: null,
      later: null,
    };
    this.#kept.set(record.sessionId, kept);
    return kept;
  }

  /** Writes a session anew that keeps its slot and its time, if it has those. */
  rewrite(record: SessionRecord): void {
    const kept = this.#kept.get(record.sessionId);
    if (kept !== undefined) kept.record = record;
  }

  delete(sessionId: string): void {
    this.#kept.delete(sessionId);
  }

  ids(): string[] {
    return [...this.#kept.keys()];
  }

  records(): SessionRecord[] {
    return [...this.#kept.values()].map(({ record }) => record);
  }
}
