/**
 * Measures the evening peak: a burst of players, a region that overflows, a drain of a region, and the cost of planning.
 * `USAGE` describes the options.
 */
import { parseArgs } from 'node:util';
import { measureBurst } from './peak/burst.js';
import { measureDrain } from './peak/drain.js';
import { measureRebalance } from './peak/rebalance.js';
import { renderPeakResult, type PeakResult } from './peak/print.js';
import { measureSpill } from './peak/spill.js';

const USAGE = `Measures the evening peak: a burst of players, a region that overflows, a drain of a region, and the cost of planning.

  npm run bench:peak -- [options]

  --only PARTS       measure only these parts, separated by commas: burst, spill, drain, rebalance (default: all)
  --quick            shorter and smaller measurements, for continuous integration: the figures are less reliable
  --json             print the figures as JSON on one line
  --help             print this text

Progress goes to standard error, the figures to standard output.
`;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit();
}
const PARTS = ['burst', 'spill', 'drain', 'rebalance'];
const wanted = new Set(values.only?.split(',') ?? PARTS);
wanted.delete('');
for (const name of wanted) {
  if (!PARTS.includes(name)) {
    process.stderr.write(
      `--only "${name}" is not valid. Give one or more of ${PARTS.join(', ')}, separated by commas.\n`,
    );
    process.exit(2);
  }
}
const say = (text: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

let result: PeakResult = {};
if (wanted.has('burst')) {
  say('burst: 92 joins on 11 hosts');
  result = { ...result, burst: await measureBurst(values.quick ? 10 : 1) };
}
if (wanted.has('spill')) {
  say('spill: four regions, one with 130 % of its capacity in demand');
  result = { ...result, spill: await measureSpill(values.quick ? 6 : 25, say) };
}
if (wanted.has('drain')) {
  const sessions = values.quick ? 200 : 2_000;
  say(`drain: a region with ${sessions} sessions, 70 % of them movable`);
  result = { ...result, drain: await measureDrain(sessions, values.quick ? 15_000 : 60_000, say) };
}
if (wanted.has('rebalance')) {
  const hosts = values.quick ? 1_000 : 10_000;
  say(`rebalance: ${hosts} hosts, ${hosts * 10} sessions, 20 regions`);
  result = { ...result, rebalance: await measureRebalance(hosts, say) };
}
process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : renderPeakResult(result));
