/** One script call works on at most this many sessions or hosts: it bounds how long Redis serves no other command. */
export const MAX_BATCH = 256;

/** Runs a list in calls of bounded size, one after the other on the wire, and joins the results. */
export async function inBatches<T, R>(
  list: readonly T[],
  run: (batch: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  return (await Promise.all(inGroups(list, MAX_BATCH).map(run))).flat();
}

/** Cuts a flat list into groups of `size`. */
export function inGroups<T>(list: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let i = 0; i < list.length; i += size) groups.push(list.slice(i, i + size));
  return groups;
}

/** Whether a session is named more than once: then a script has to remember what it did, which costs time. */
export function hasDuplicates(sessionIds: readonly string[]): boolean {
  return new Set(sessionIds).size < sessionIds.length;
}
