/** A figure, and the bound that it must meet. */
export interface Target {
  readonly figure: string;
  readonly what: string;
  readonly least?: number;
  readonly most?: number;
}

const TARGETS: readonly Target[] = [
  { figure: 'ratios.matchThroughput', what: 'matches per second of a core, broker over floor', least: 0.6 },
  { figure: 'ratios.matchP99', what: 'p99 of a match at half rate, broker over floor', most: 3 },
  {
    figure: 'ratios.storePlacement',
    what: 'placements per second, Redis store over bare scripts',
    least: 0.7,
  },
  {
    figure: 'ratios.storeGrowthMemory',
    what: 'cost of a placement, many hosts over 100, memory',
    most: 1.35,
  },
  { figure: 'ratios.storeGrowthRedis', what: 'cost of a placement, many hosts over 100, Redis', most: 1.35 },
  { figure: 'ratios.idleMemory', what: 'memory of an idle client, broker over bare socket', most: 1.5 },
  {
    figure: 'beats.brokerCore',
    what: 'heartbeats of all hosts every 2 s: share of a core, broker',
    most: 0.35,
  },
  { figure: 'beats.redisCore', what: 'likewise, Redis', most: 0.15 },
  { figure: 'idleCpu', what: 'idle broker: share of a core', most: 0.01 },
  { figure: 'startMs.memory', what: 'start to ready on memory, ms', most: 400 },
  { figure: 'startMs.redis', what: 'start to ready on Redis, ms', most: 600 },
  { figure: 'loopDelayP99Ms', what: 'event loop delay of the broker at half rate, p99, ms', most: 10 },
];

/** Figures by section, as in the JSON of a run. Figures that were not measured are absent. */
export type Figures = Readonly<Record<string, unknown>>;

/** A table of all targets, with their bounds and measured values. */
export function renderTargets(figures: Figures): string {
  const rows = TARGETS.map((target) => {
    const reached = at(figures, target.figure);
    return [target.figure, target.what, bound(target), show(reached), verdict(target, reached)];
  });
  const table = [['figure', 'what', 'must reach', 'reached', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function at(figures: Figures, path: string): number | undefined {
  let found: unknown = figures;
  for (const name of path.split('.')) found = (found as Figures | undefined)?.[name];
  return typeof found === 'number' ? found : undefined;
}

function bound({ least, most }: Target): string {
  return least === undefined ? `<= ${most}` : `>= ${least}`;
}

function show(value: number | undefined): string {
  return value === undefined ? '-' : String(value);
}

function verdict({ least = -Infinity, most = Infinity }: Target, reached: number | undefined): string {
  if (reached === undefined) return 'not measured';
  return reached >= least && reached <= most ? 'yes' : 'NO';
}
