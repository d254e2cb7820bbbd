import process from 'node:process';

/**
 * Number of random runs of a property whose runs are slow: few in the suite, more for a search that takes longer.
 *
 * @param usual the number of runs when the environment variable `DUSKLINE_PROPERTY_RUNS` is not set
 * @throws RangeError when it is set, and is no whole number above 0
 */
export function propertyRuns(usual: number): number {
  const text = process.env['DUSKLINE_PROPERTY_RUNS'];
  if (text === undefined) return usual;
  const runs = Number(text);
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new RangeError(`DUSKLINE_PROPERTY_RUNS has to be a whole number above 0, not '${text}'.`);
  return runs;
}
