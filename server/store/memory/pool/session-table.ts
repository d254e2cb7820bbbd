import type { SessionRecord } from '../../fleet-store.js';
import type { SessionEntry } from './memory-host.js';

/** The sessions of a place by their ids. */
export class SessionTable {
  readonly #entries = new Map<string, SessionEntry>();

  get(sessionId: string): SessionRecord | undefined {
    return this.#entries.get(sessionId)?.record;
  }

  getEntry(sessionId: string): SessionEntry | undefined {
    return this.#entries.get(sessionId);
  }

  /** Adds a session that is not known. */
  add(record: SessionRecord): SessionEntry {
    const kept: SessionEntry = {
      record,
      host: null,
      hostIndex: -1,
      expiryList: null,
      expiresAtMs: 0,
      previous: null,
      next: null,
    };
    this.#entries.set(record.sessionId, kept);
    return kept;
  }

  /** Writes a session anew that keeps its slot and its time, if it has those. */
  update(record: SessionRecord): void {
    const kept = this.#entries.get(record.sessionId);
    if (kept !== undefined) kept.record = record;
  }

  delete(sessionId: string): void {
    this.#entries.delete(sessionId);
  }

  ids(): string[] {
    return [...this.#entries.keys()];
  }

  records(): SessionRecord[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }
}
