/** Measures the time that the rebalancer needs to plan moves for a large fleet. `USAGE` describes the options. */
import { planDrain } from '@duskline/server/domain/rebalance/plan/plan-drain.js';
import { planRebalance } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import type { FleetSnapshot } from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import { evening } from '../unit/domain/rebalance/evening.js';
import { readCount, readOptions } from './command-line.js';
import { reportProgress } from './progress.js';

const USAGE = `Measures the time that the rebalancer needs to plan moves for a large fleet of 20 regions, without reading it from Redis.

  npm run bench:rebalance -- [options]

  --hosts N          hosts of the fleet (default: 10000)
  --slots N          slots of each host (default: 12)
  --waiting N        players that wait for a slot (default: 2000)
  --allowance N      moves that one plan may have (default: 500)
  --rounds N         plans for each figure (default: 15)
  --json             print the figures as JSON on one line, instead of tables
  --help             print this text

Progress goes to standard error, the figures to standard output.
`;

const options = readOptions(USAGE, {
  hosts: { type: 'string', default: '10000' },
  slots: { type: 'string', default: '12' },
  waiting: { type: 'string', default: '2000' },
  allowance: { type: 'string', default: '500' },
  rounds: { type: 'string', default: '15' },
  json: { type: 'boolean', default: false },
});
const allowance = readCount('--allowance', options.allowance, 0);
const rounds = readCount('--rounds', options.rounds);
const FLEET = {
  regions: 20,
  pools: 2,
  hosts: readCount('--hosts', options.hosts),
  slotsPerHost: readCount('--slots', options.slots),
  waiting: readCount('--waiting', options.waiting, 0),
  hot: 0.01,
  ownObjects: false,
};

interface Timed<Result> {
  readonly medianMs: number;
  readonly worstMs: number;
  readonly result: Result;
}

/** Runs the function once as a warm-up, and then once for each round. */
function timed<Result>(run: () => Result): Timed<Result> {
  let result = run();
  const tookMs = Array.from({ length: rounds }, () => {
    const startedAtMs = performance.now();
    result = run();
    return performance.now() - startedAtMs;
  }).sort((a, b) => a - b);
  const rounded = (ms: number | undefined): number => Math.round((ms ?? 0) * 10) / 10;
  return { medianMs: rounded(tookMs[tookMs.length >> 1]), worstMs: rounded(tookMs.at(-1)), result };
}

function measureRebalance(name: string, snapshot: FleetSnapshot): object {
  reportProgress(`rebalance: ${name}`);
  const { medianMs, worstMs, result } = timed(() => planRebalance(snapshot, allowance));
  const { moves, liveMoves, servedByStore, servedByMoves } = result;
  const sessions = snapshot.sessions.length;
  return { name, sessions, medianMs, worstMs, servedByStore, servedByMoves, moves: moves.length, liveMoves };
}

function measureDrain(name: string, snapshot: FleetSnapshot): object {
  reportProgress(`rebalance: ${name}`);
  const { medianMs, worstMs, result } = timed(() =>
    planDrain(snapshot, { region: 'region-7', pool: null, hostId: null }),
  );
  const { moves, later, noRoom, fixed } = result;
  const counts = { moves: moves.length, later: later.length, noRoom: noRoom.length, fixed: fixed.length };
  return { name, medianMs, worstMs, ...counts };
}

const rows = [
  measureRebalance('calm', evening({ ...FLEET, waiting: 0, hot: 0 })),
  measureRebalance('hot hosts', evening({ ...FLEET, waiting: 0 })),
  measureRebalance('evening', evening(FLEET)),
  measureRebalance('evening, own region pool objects', evening({ ...FLEET, ownObjects: true })),
];
const drained = measureDrain('drain of a region', evening({ ...FLEET, waiting: 0 }));
if (options.json) console.log(JSON.stringify([...rows, drained]));
else {
  console.table(rows);
  console.table([drained]);
}
