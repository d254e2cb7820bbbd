/**
 * Time that the rebalancer needs to plan moves for a large fleet.
 *
 *     npm run bench:planner -- [--json] [--hosts 10000] [--slots 12] [--waiting 2000] [--allowance 500] [--rounds 15]
 */
import { parseArgs } from 'node:util';
import { planDrain } from '@duskline/server/domain/rebalance/plan/plan-drain.js';
import { planRebalance } from '@duskline/server/domain/rebalance/plan/plan-rebalance.js';
import type { FleetSnapshot } from '@duskline/server/domain/rebalance/snapshot/fleet-snapshot.js';
import { evening } from '../unit/domain/rebalance/evening.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    hosts: { type: 'string', default: '10000' },
    slots: { type: 'string', default: '12' },
    waiting: { type: 'string', default: '2000' },
    allowance: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '15' },
  },
});
const hosts = Number(values.hosts);
const allowance = Number(values.allowance);

function timed<T>(run: () => T): { readonly medianMs: number; readonly worstMs: number; readonly result: T } {
  let result = run();
  const tookMs = Array.from({ length: Number(values.rounds) }, () => {
    const startedAt = performance.now();
    result = run();
    return performance.now() - startedAt;
  }).sort((a, b) => a - b);
  const rounded = (ms: number | undefined): number => Math.round((ms ?? 0) * 10) / 10;
  return { medianMs: rounded(tookMs[tookMs.length >> 1]), worstMs: rounded(tookMs.at(-1)), result };
}

function report(name: string, picture: FleetSnapshot): object {
  const { medianMs, worstMs, result } = timed(() => planRebalance(picture, allowance));
  const { moves, liveMoves, servedByStore, servedByMoves } = result;
  return {
    name,
    sessions: picture.sessions.length,
    medianMs,
    worstMs,
    servedByStore,
    servedByMoves,
    moves: moves.length,
    liveMoves,
  };
}

const shape = { regions: 20, pools: 2, hosts, slotsPerHost: Number(values.slots) };
const busy = { ...shape, waiting: Number(values.waiting), hot: 0.01, ownObjects: false };
const rows = [
  report('calm', evening({ ...busy, waiting: 0, hot: 0 })),
  report('hot hosts', evening({ ...busy, waiting: 0 })),
  report('evening', evening(busy)),
  report('evening, own region pool objects', evening({ ...busy, ownObjects: true })),
];
const picture = evening({ ...busy, waiting: 0 });
const drain = timed(() => planDrain(picture, { region: 'region-7', pool: null, hostId: null }));
const { moves, later, noRoom, fixed } = drain.result;
const counts = { moves: moves.length, later: later.length, noRoom: noRoom.length, fixed: fixed.length };
const drained = { name: 'drain of a region', medianMs: drain.medianMs, worstMs: drain.worstMs, ...counts };
if (values.json) console.log(JSON.stringify([...rows, drained]));
else {
  console.table(rows);
  console.table([drained]);
}
