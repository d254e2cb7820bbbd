import type { SessionRecord } from '../../contracts/session-record.js';
import type { SessionEntry } from './memory-host.js';

/** The sessions of a region pool by id. */
export class SessionTable {
  readonly #entries = new Map<string, SessionEntry>();

  get(sessionId: string): SessionRecord | undefined {
    return this.#entries.get(sessionId)?.record;
  }

  getEntry(sessionId: string): SessionEntry | undefined {
    return this.#entries.get(sessionId);
  }

  /** Adds a session that is not in the table. */
  add(record: SessionRecord): SessionEntry {
    const entry: SessionEntry = {
      record,
      host: null,
      hostIndex: -1,
      expiryList: null,
      expiresAtMs: 0,
      previous: null,
      next: null,
    };
    this.#entries.set(record.sessionId, entry);
    return entry;
  }

  /** Replaces the record of a session that keeps its slot and its expiry. */
  update(record: SessionRecord): void {
    const entry = this.#entries.get(record.sessionId);
    if (entry !== undefined) entry.record = record;
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
