import {
  createPhaseCounts,
  type PhaseCounts,
  type WorkerCounts,
  type WorkerTick,
} from '../../drive/worker-messages.js';

/** The latest tick of each worker; `undefined` for a worker that has sent none yet. */
export type LatestTicks = readonly (WorkerTick | undefined)[];

/** Counts of one phase, over all workers. */
export function sumPhase(ticks: LatestTicks, index: number): PhaseCounts {
  return addPhaseCounts(countsOf(ticks).map(({ phases }) => phases[index]));
}

/** Counts of all phases, over all workers. */
export function sumAllPhases(ticks: LatestTicks): PhaseCounts {
  return addPhaseCounts(countsOf(ticks).flatMap(({ phases }) => phases));
}

/** One count, over all workers. */
export function sumCount(ticks: LatestTicks, pick: (counts: WorkerCounts) => number): number {
  return countsOf(ticks).reduce((sum, counts) => sum + pick(counts), 0);
}

/** Counts by name (an error code, a reason), over all workers. */
export function mergeCounts(
  ticks: LatestTicks,
  pick: (counts: WorkerCounts) => Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const merged: Record<string, number> = {};
  for (const counts of countsOf(ticks)) {
    for (const [name, count] of Object.entries(pick(counts))) merged[name] = (merged[name] ?? 0) + count;
  }
  return merged;
}

function countsOf(ticks: LatestTicks): WorkerCounts[] {
  return ticks.flatMap((tick) => (tick === undefined ? [] : [tick.counts]));
}

function addPhaseCounts(all: readonly (PhaseCounts | undefined)[]): PhaseCounts {
  const sum = createPhaseCounts();
  for (const counts of all) {
    if (counts === undefined) continue;
    for (const key of Object.keys(sum) as (keyof PhaseCounts)[]) sum[key] += counts[key];
  }
  return sum;
}
