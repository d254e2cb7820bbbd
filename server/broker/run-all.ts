/** After this many failures in a row the other steps are skipped: the cause is probably the same, such as an unreachable store. */
const MAX_FAILURES_IN_A_ROW = 3;

/**
 * Runs steps one after the other, also after a step that failed: a fault of one region or order must not stop the work for the others
 * in every round.
 *
 * @throws the first error, after the last step or `MAX_FAILURES_IN_A_ROW` failures
 */
export async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  let failuresInARow = 0;
  for (const step of steps) {
    try {
      await step();
      failuresInARow = 0;
    } catch (error) {
      errors.push(error);
      failuresInARow += 1;
      if (failuresInARow === MAX_FAILURES_IN_A_ROW) break;
    }
  }
  if (errors.length > 0) throw errors[0];
}
