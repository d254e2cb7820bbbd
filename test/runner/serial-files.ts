/**
 * Files that run one after the other, when the rest is done, each with the reason: what it measures would be another
 * file's work.
 */
export const SERIAL_FILES: ReadonlyMap<string, string> = new Map([
  ['unit/history/check-history.test.js', 'a million events are checked within a time'],
  ['unit/domain/rebalance/plan-speed.test.js', 'plans of a large fleet are made within a time'],
]);
