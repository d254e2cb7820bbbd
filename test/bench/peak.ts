/**
 * Measures the evening peak: a burst of players, a region that overflows, a drain of a region, and the cost of planning.
 * `USAGE` describes the options.
 */
import { readNames, readOptions } from './command-line.js';
import { measureBurst } from './peak/burst.js';
import { measureDrain } from './peak/drain.js';
import { measureRebalance } from './peak/rebalance.js';
import { renderPeakResult, type PeakResult } from './peak/print.js';
import { measureSpill } from './peak/spill.js';
import { reportProgress } from './progress.js';

const USAGE = `Measures the evening peak: a burst of players, a region that overflows, a drain of a region, and the cost of planning.

  npm run bench:peak -- [options]

  --only PARTS       measure only these parts, separated by commas: burst, spill, drain, rebalance (default: all)
  --quick            shorter and smaller measurements, for continuous integration: the figures are less reliable
  --json             print the figures as JSON on one line
  --help             print this text

  burst      92 players join 11 hosts within 31 s, while the hosts report their load every 10 s only
  spill      a region has players for 130 % of its slots, and its neighbours are half full
  drain      a region with 2,000 sessions is drained by moves within a minute
  rebalance  the rebalancer plans moves for 10,000 hosts and 100,000 sessions

Progress goes to standard error, the figures to standard output. With --quick all parts take a minute.
`;

const PARTS = ['burst', 'spill', 'drain', 'rebalance'] as const;

const options = readOptions(USAGE, {
  only: { type: 'string', default: PARTS.join() },
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});
const { quick } = options;
const parts = readNames('--only', options.only, PARTS);

let result: PeakResult = {};
if (parts.has('burst')) {
  reportProgress('burst: 92 players join 11 hosts');
  result = { ...result, burst: await measureBurst(quick ? 10 : 1) };
}
if (parts.has('spill')) {
  reportProgress('spill: four regions, one of them with players for 130 % of its slots');
  result = { ...result, spill: await measureSpill(quick ? 6 : 25) };
}
if (parts.has('drain')) {
  const sessions = quick ? 200 : 2_000;
  reportProgress(`drain: a region with ${sessions} sessions, 70 % of them movable`);
  result = { ...result, drain: await measureDrain(sessions, quick ? 15_000 : 60_000) };
}
if (parts.has('rebalance')) {
  const hosts = quick ? 1_000 : 10_000;
  reportProgress(`rebalance: ${hosts} hosts, ${hosts * 10} sessions, 20 regions`);
  result = { ...result, rebalance: await measureRebalance(hosts) };
}
process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderPeakResult(result));
