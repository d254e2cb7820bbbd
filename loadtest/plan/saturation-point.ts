/** What came of one level of a stepped load. */
export interface LoadLevel {
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly offered: number;
  readonly noClientFree: number;
  /** Asked, and told something within the level: matched, queued or refused. */
  readonly answered: number;
  readonly matched: number;
  /** p99 of matches, in milliseconds; those without an answer count with their age. */
  readonly p99Ms: number;
  /** How late the load itself was sent, p99, in milliseconds. */
  readonly lagP99Ms: number;
}

export interface JudgedLevel extends LoadLevel {
  readonly held: boolean;
  /** Why it did not hold. */
  readonly why?: string;
  /** Whether what gave way was the load's own side. */
  readonly ownFault?: true;
}

export interface SaturationPoint {
  /** The highest rate that held; 0 when none did. */
  readonly ratePerSecond: number;
  readonly matchedPerSecond: number;
  /** The lowest rate that did not, and why; absent when all held. */
  readonly brokeAt?: number;
  readonly why?: string;
  readonly ownFault?: true;
}

export interface SaturationBounds {
  /** A level holds while p99 of its matches is no more. */
  readonly maxP99Ms: number;
}

const MIN_ANSWERED = 0.97;
const MAX_NO_CLIENT = 0.02;
const MAX_REFUSED_OR_QUEUED = 0.05;

export function judgeLevel(level: LoadLevel, { maxP99Ms }: SaturationBounds): JudgedLevel {
  const asked = level.offered - level.noClientFree;
  const broke = (why: string, ownFault = false): JudgedLevel => {
    return { ...level, held: false, why, ...(ownFault ? { ownFault: true } : {}) };
  };
  if (level.lagP99Ms > maxP99Ms)
    return broke(`the load was sent ${Math.round(level.lagP99Ms)} ms late`, true);
  if (level.answered < asked * MIN_ANSWERED)
    return broke(`${share(level.answered, asked)} were answered in time`);
  if (level.p99Ms > maxP99Ms) return broke(`p99 of match was ${Math.round(level.p99Ms)} ms`);
  // After the brokers' own times: who waits for them is not free.
  if (level.offered > 0 && level.noClientFree / level.offered > MAX_NO_CLIENT) {
    return broke(`no client was free for ${share(level.noClientFree, level.offered)}`, true);
  }
  if (asked - level.matched > asked * MAX_REFUSED_OR_QUEUED) {
    return broke(`${share(level.matched, asked)} got a slot at once`);
  }
  return { ...level, held: true };
}

/** How often the gap between what held and what broke is halved. */
const REFINEMENTS = 2;

/**
 * The rate of the next level: twice the last one until one breaks, then twice between what held and what broke;
 * `undefined` when the knee is found.
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

/** The highest rate that held below the lowest that broke. */
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
