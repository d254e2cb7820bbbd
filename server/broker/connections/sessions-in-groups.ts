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

/** A map by session id that can list the sessions of one group without reading the others. */
export class SessionsInGroups<T> {
  readonly #groups: readonly Map<string, T>[] = Array.from({ length: SESSION_GROUPS }, () => new Map());

  get(sessionId: string): T | undefined {
    return this.#groups[groupOfSession(sessionId)]?.get(sessionId);
  }

  set(sessionId: string, value: T): void {
    this.#groups[groupOfSession(sessionId)]?.set(sessionId, value);
  }

  delete(sessionId: string): void {
    this.#groups[groupOfSession(sessionId)]?.delete(sessionId);
  }

  /** @param group from 0 to `SESSION_GROUPS - 1` */
  valuesOf(group: number): T[] {
    return [...(this.#groups[group]?.values() ?? [])];
  }

  values(): T[] {
    return this.#groups.flatMap((group) => [...group.values()]);
  }
}
