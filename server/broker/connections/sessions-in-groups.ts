/** Number of groups. A check of one group a round verifies every session once in this many rounds. */
export const SESSION_GROUPS = 30;

/** Coprime to the number of groups, so that each character changes the group. */
const MULTIPLIER = 37;

/** The last characters of a session id are random, so the groups have about the same size. */
const RANDOM_CHARACTERS = 4;

/**
 * The group of a session. It depends on the id alone, so that no session changes its group while others come and go, or while
 * its client reconnects.
 */
export function groupOfSession(sessionId: string): number {
  let hash = 0;
  for (let i = Math.max(0, sessionId.length - RANDOM_CHARACTERS); i < sessionId.length; i += 1)
    hash = hash * MULTIPLIER + sessionId.charCodeAt(i);
  return hash % SESSION_GROUPS;
}

/**
 * A map by session id that can list the sessions of one group without reading the others. Only adding and deleting a session
 * computes its group: every message about a session looks the session up.
 */
export class SessionsInGroups<T> {
  readonly #values = new Map<string, T>();
  readonly #groups: readonly Set<string>[] = Array.from({ length: SESSION_GROUPS }, () => new Set<string>());

  get(sessionId: string): T | undefined {
    return this.#values.get(sessionId);
  }

  set(sessionId: string, value: T): void {
    this.#values.set(sessionId, value);
    this.#groups[groupOfSession(sessionId)]?.add(sessionId);
  }

  delete(sessionId: string): void {
    this.#values.delete(sessionId);
    this.#groups[groupOfSession(sessionId)]?.delete(sessionId);
  }

  /** @param group from 0 to `SESSION_GROUPS - 1` */
  valuesOf(group: number): T[] {
    return [...(this.#groups[group] ?? [])].flatMap((sessionId) => this.#values.get(sessionId) ?? []);
  }

  values(): T[] {
    return [...this.#values.values()];
  }
}
