/**
 * Files that run one after the other, when the rest is done, each with the reason: what it measures would be another
 * file's work.
 */
export const SERIAL_FILES: ReadonlyMap<string, string> = new Map([
  ['integration/drain-under-load.test.js', 'measures how long players are interrupted'],
  ['unit/domain/rebalance/plan/plan-speed.test.js', 'measures how long a plan takes'],
  ['unit/history/check-history.test.js', 'measures how long a million events take'],
]);
