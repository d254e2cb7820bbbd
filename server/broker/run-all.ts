/** So many steps in a row fail for the same reason, such as a store that is unreachable: the others would only cost time. */
const MAX_FAILURES_IN_A_ROW = 3;

/**
 * Runs steps one after the other, also after a step that failed: what is broken about one region or order must not keep a broker from
 * the others, round after round.
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
