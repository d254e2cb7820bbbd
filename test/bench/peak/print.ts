import type { BurstResult } from './burst.js';
import type { DrainResult } from './drain.js';
import type { RebalanceResult } from './rebalance.js';
import type { SpillOutcome, SpillResult } from './spill.js';

export interface PeakResult {
  readonly burst?: BurstResult;
  readonly spill?: SpillResult;
  readonly drain?: DrainResult;
  readonly rebalance?: RebalanceResult;
}

/** Renders the figures, one a line, with their targets. */
export function renderPeakResult({ burst, spill, drain, rebalance }: PeakResult): string {
  return [
    ...(burst === undefined ? [] : describeBurst(burst)),
    ...(spill === undefined ? [] : describeSpill(spill)),
    ...(drain === undefined ? [] : describeDrain(drain)),
    ...(rebalance === undefined ? [] : describeRebalance(rebalance)),
    '',
  ].join('\n');
}

function describeBurst({ hottestOverMean, joinsPerHost, reportAgeMs }: BurstResult): string[] {
  return [
    'A burst of 92 joins on 11 hosts',
    line('hottest host over mean', hottestOverMean.toFixed(2), 'at most 1.5'),
    line('joins per host', joinsPerHost.join(' ')),
    line('age of the load reports', `${Math.round(reportAgeMs / 1_000)} s`),
  ];
}

function describeSpill(spill: SpillResult): string[] {
  const { players, slots, optimum, servedOverOptimum, meanRttOverOptimum, off, on } = spill;
  const outcome = ({ served, waiting, refused, meanRttMs, moves }: SpillOutcome): string =>
    `${served} served, ${waiting} waiting, ${refused} refused, ${meanRttMs.toFixed(1)} ms mean RTT, ${moves} moves`;
  return [
    `A region with 130 % of its capacity in demand: ${players} players, ${slots} slots in four regions`,
    line('optimal assignment', `${optimum.served} served, ${optimum.meanRttMs.toFixed(1)} ms mean RTT`),
    line('rebalancing off', outcome(off)),
    line('rebalancing on', outcome(on)),
    line('served / optimal', servedOverOptimum.toFixed(3), 'at least 0.99'),
    line('round-trip time / optimal', meanRttOverOptimum.toFixed(3), 'at most 1.05'),
  ];
}

function describeDrain(drain: DrainResult): string[] {
  const { sessions, movable, deadlineMs, movableDoneMs, outcomes, interruptedOver2s, longestGapMs, lost } =
    drain;
  const { p50, p99, max } = drain.moveMs;
  const ended = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  return [
    `A region with ${sessions} sessions is drained within ${deadlineMs / 1_000} s, ${movable} of them movable`,
    line('all movable sessions moved after', `${(movableDoneMs / 1_000).toFixed(1)} s`),
    line('outcomes', ended.join(', ')),
    line(
      'interrupted for over 2 s',
      String(interruptedOver2s),
      `longest ${longestGapMs} ms, a frame every 500 ms`,
    ),
    line('time of a move, p50 / p99 / max', `${p50} / ${p99} / ${max} ms`),
    line('lost sessions', String(lost), '0'),
  ];
}

function describeRebalance(rebalance: RebalanceResult): string[] {
  const { hosts, sessions, ms, longestMs, readMs, snapshotMs, moves, servedByMoves } = rebalance;
  const { loopDelayP99Ms, loopDelayP99BeforeMs, reserveP99Ms, reserveP99BeforeMs } = rebalance;
  return [
    `A round of planning: ${hosts} hosts, ${sessions} sessions, 20 regions, ${moves} moves for ${servedByMoves} players`,
    line('planning, median and longest', `${ms} ms, ${longestMs} ms`, 'under 250 ms'),
    line('reading, building the snapshot', `${readMs} ms, ${snapshotMs} ms`),
    line(
      'event-loop delay p99',
      `${loopDelayP99Ms} ms (${loopDelayP99BeforeMs} ms without planning)`,
      'under 20 ms',
    ),
    line('time of a reservation p99', `${reserveP99Ms} ms (${reserveP99BeforeMs} ms without planning)`),
  ];
}

function line(what: string, figure: string, must?: string): string {
  return `  ${what.padEnd(32)} ${figure}${must === undefined ? '' : `  (${must})`}`;
}
