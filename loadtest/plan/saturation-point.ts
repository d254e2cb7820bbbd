/** Figures of one level of a stepped load. */
export interface LoadLevel {
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly offered: number;
  readonly noClientFree: number;
  /** Requests that were matched, queued or refused within the level. */
  readonly answered: number;
  readonly matched: number;
  /** p99 of the time to match, in milliseconds. Requests without an answer count with their age. */
  readonly p99Ms: number;
  /** How late the load itself was sent, p99, in milliseconds. */
  readonly lagP99Ms: number;
}

export interface JudgedLevel extends LoadLevel {
  readonly held: boolean;
  /** Why it did not hold. */
  readonly why?: string;
  /** The load test, rather than the brokers, was the limit. */
  readonly ownFault?: true;
}

export interface SaturationPoint {
  /** The highest rate that held; 0 when none did. */
  readonly ratePerSecond: number;
  readonly matchedPerSecond: number;
  /** The lowest rate that did not hold, and why; absent when all held. */
  readonly brokeAt?: number;
  readonly why?: string;
  readonly ownFault?: true;
}

export interface SaturationBounds {
  /** A level holds while p99 of its time to match is at most this. */
  readonly maxP99Ms: number;
}

const MIN_ANSWERED = 0.97;
const MAX_NO_CLIENT = 0.02;
const MAX_REFUSED_OR_QUEUED = 0.05;

export function judgeLevel(level: LoadLevel, { maxP99Ms }: SaturationBounds): JudgedLevel {
  const requests = level.offered - level.noClientFree;
  const broke = (why: string, ownFault = false): JudgedLevel => {
    return { ...level, held: false, why, ...(ownFault ? { ownFault: true } : {}) };
  };
  if (level.lagP99Ms > maxP99Ms)
    return broke(`the load was sent ${Math.round(level.lagP99Ms)} ms late`, true);
  if (level.answered < requests * MIN_ANSWERED)
    return broke(`${share(level.answered, requests)} were answered in time`);
  if (level.p99Ms > maxP99Ms) return broke(`p99 of match was ${Math.round(level.p99Ms)} ms`);
  // Checked after the times of the brokers: with slow brokers, players wait for them and are not free.
  if (level.offered > 0 && level.noClientFree / level.offered > MAX_NO_CLIENT) {
    return broke(`no client was free for ${share(level.noClientFree, level.offered)}`, true);
  }
  if (requests - level.matched > requests * MAX_REFUSED_OR_QUEUED) {
    return broke(`${share(level.matched, requests)} got a slot at once`);
  }
  return { ...level, held: true };
}

/** How often the gap between the highest rate that held and the lowest that did not is halved. */
const REFINEMENTS = 2;

/**
 * The rate of the next level: the last rate is doubled until a level does not hold, then the gap is halved twice.
 *
 * @returns `undefined` when the saturation point is found
 */
export function nextRate(
  levels: readonly Pick<JudgedLevel, 'ratePerSecond' | 'held'>[],
  firstRate: number,
  highestRate = Infinity,
): number | undefined {
  const last = levels.at(-1);
  if (last === undefined) return firstRate;
  const firstBroken = levels.findIndex(({ held }) => !held);
  if (firstBroken === -1) {
    const doubled = last.ratePerSecond * 2;
    return doubled > highestRate ? undefined : doubled;
  }
  const { held, broke } = boundsOf(levels);
  if (held === 0 || levels.length - 1 - firstBroken >= REFINEMENTS) return undefined;
  return Math.round((held + broke) / 2);
}

export function findSaturationPoint(levels: readonly JudgedLevel[]): SaturationPoint {
  const { held, broke } = boundsOf(levels);
  const best = levels.findLast((level) => level.held && level.ratePerSecond === held);
  const broken = levels.find((level) => !level.held && level.ratePerSecond === broke);
  return {
    ratePerSecond: held,
    matchedPerSecond: best === undefined ? 0 : Math.round((best.matched / best.durationMs) * 1_000),
    ...(broken === undefined
      ? {}
      : { brokeAt: broke, ...(broken.why === undefined ? {} : { why: broken.why }) }),
    ...(broken?.ownFault === true ? { ownFault: true } : {}),
  };
}

/** The lowest rate that did not hold, and the highest rate below it that held. */
function boundsOf(levels: readonly Pick<JudgedLevel, 'ratePerSecond' | 'held'>[]): {
  held: number;
  broke: number;
} {
  const broke = Math.min(...levels.filter((level) => !level.held).map((level) => level.ratePerSecond));
  const below = levels.filter((level) => level.held && level.ratePerSecond < broke);
  return { broke, held: Math.max(0, ...below.map((level) => level.ratePerSecond)) };
}

function share(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}
