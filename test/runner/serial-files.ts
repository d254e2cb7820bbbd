/**
 * Files that run one by one after all others, each with the reason: they measure times, which other files would distort.
 */
export const SERIAL_FILES: ReadonlyMap<string, string> = new Map([
  ['integration/drain/drain-under-load.test.js', 'measures how long players are interrupted'],
  ['unit/domain/rebalance/plan/plan-speed.test.js', 'measures how long a plan takes'],
  ['unit/history/check-history.test.js', 'measures how long a million events take'],
]);
