/** Number of groups. A check of one group a round verifies every session once in this many rounds. */
export const SESSION_GROUPS = 30;

/** The last characters of a session id are random, so the groups have about the same size. */
const RANDOM_CHARACTERS = 7;

/**
 * The group of a session. It depends on the id alone, so that no session changes its group while others come and go, or while
 * its client reconnects.
 */
export function groupOfSession(sessionId: string): number {
  return Number.parseInt(sessionId.slice(-RANDOM_CHARACTERS), 16) % SESSION_GROUPS || 0;
}

/** A map by session id that can list the sessions of one group without a look at the others. */
export class SessionsInGroups<T> {
  readonly #groups: readonly Map<string, T>[] = Array.from(
    { length: SESSION_GROUPS },
    () => new Map<string, T>(),
  );

  get(sessionId: string): T | undefined {
    return this.#groupOf(sessionId).get(sessionId);
  }

  set(sessionId: string, value: T): void {
    this.#groupOf(sessionId).set(sessionId, value);
  }

  delete(sessionId: string): void {
    this.#groupOf(sessionId).delete(sessionId);
  }

  /** @param group from 0 to `SESSION_GROUPS - 1` */
  entriesOf(group: number): (readonly [sessionId: string, value: T])[] {
    return [...(this.#groups[group] ?? [])];
  }

  entries(): (readonly [sessionId: string, value: T])[] {
    return this.#groups.flatMap((group) => [...group]);
  }

  #groupOf(sessionId: string): Map<string, T> {
    const group = this.#groups[groupOfSession(sessionId)];
    if (group === undefined) throw new RangeError(`There is no group ${groupOfSession(sessionId)}.`);
    return group;
  }
}
