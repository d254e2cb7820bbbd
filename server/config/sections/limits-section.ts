import { MAX_FRAME_BYTES, MAX_HOST_FRAME_BYTES } from '@duskline/protocol/constants';
import { Type, type TInteger, type TOptional } from 'typebox';
import { DEFAULT_LIMITS, type Limits } from '../../domain/limits.js';
import type { Report } from '../config-error.js';

type LimitKey = keyof Limits;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Allowed ranges of the limits. They exclude values with which a broker cannot work; not every value in them is sensible. */
export const LimitsSection = Type.Object(
  {
    heartbeatIntervalMs: between('heartbeatIntervalMs', 50, MINUTE_MS),
    suspectAfterMs: between('suspectAfterMs', 100, HOUR_MS),
    lostAfterMs: between('lostAfterMs', 200, HOUR_MS),
    sweepIntervalMs: between('sweepIntervalMs', 50, MINUTE_MS),
    sweepGapMs: between('sweepGapMs', 50, MINUTE_MS),
    reservationMs: between('reservationMs', 1_000, HOUR_MS),
    offerMs: between('offerMs', 1_000, HOUR_MS),
    queueGraceMs: between('queueGraceMs', 1_000, HOUR_MS),
    queueMaxLength: between('queueMaxLength', 1, 1_000_000),
    resumeWindowMs: between('resumeWindowMs', 1_000, 24 * HOUR_MS),
    resumeTokenMs: between('resumeTokenMs', MINUTE_MS, 30 * 24 * HOUR_MS),
    admissionsPerSecond: between('admissionsPerSecond', 1, 100_000),
    admissionWaitMs: between('admissionWaitMs', 100, MINUTE_MS),
    helloDeadlineMs: between('helloDeadlineMs', 100, MINUTE_MS),
    // The protocol guarantees that frames up to this size are read.
    maxFrameBytes: between('maxFrameBytes', MAX_FRAME_BYTES, 16 * MAX_FRAME_BYTES),
    maxHostFrameBytes: between('maxHostFrameBytes', MAX_HOST_FRAME_BYTES, 16 * MAX_HOST_FRAME_BYTES),
    maxSocketBufferBytes: between('maxSocketBufferBytes', MAX_FRAME_BYTES, 64 * 1024 * 1024),
    pingIntervalMs: between('pingIntervalMs', 100, 10 * MINUTE_MS),
    maxMissedPings: between('maxMissedPings', 1, 10),
    moveStepMs: between('moveStepMs', 200, MINUTE_MS),
    goAwaySpreadMs: between('goAwaySpreadMs', 0, MINUTE_MS),
    leaseMs: between('leaseMs', 200, MINUTE_MS),
    leaseRenewMs: between('leaseRenewMs', 50, MINUTE_MS),
  } satisfies Record<LimitKey, TOptional<TInteger>>,
  { additionalProperties: false },
);

function between(key: LimitKey, minimum: number, maximum: number): TOptional<TInteger> {
  return Type.Optional(Type.Integer({ minimum, maximum, default: DEFAULT_LIMITS[key] }));
}

/** `greater` has to be at least `times` times `lesser`; with `strictly`, more than that. */
interface Relation {
  readonly lesser: LimitKey;
  readonly greater: LimitKey;
  readonly times: number;
  readonly strictly?: true;
  readonly why: string;
}

const RELATIONS: readonly Relation[] = [
  {
    lesser: 'heartbeatIntervalMs',
    greater: 'suspectAfterMs',
    times: 2,
    why: 'one late heartbeat must not make a host suspect',
  },
  {
    lesser: 'suspectAfterMs',
    greater: 'lostAfterMs',
    times: 1,
    strictly: true,
    why: 'a host is suspect before it is lost',
  },
  {
    lesser: 'sweepIntervalMs',
    greater: 'suspectAfterMs',
    times: 1,
    why: 'a sweep must run before a host becomes suspect',
  },
  {
    lesser: 'sweepIntervalMs',
    greater: 'sweepGapMs',
    times: 1,
    why: 'two sweeps are at least one interval apart',
  },
  {
    lesser: 'leaseRenewMs',
    greater: 'leaseMs',
    times: 2,
    why: 'one failed renewal must not lose the lease',
  },
  {
    lesser: 'maxFrameBytes',
    greater: 'maxSocketBufferBytes',
    times: 1,
    why: 'the buffer must hold one frame',
  },
  {
    lesser: 'maxHostFrameBytes',
    greater: 'maxSocketBufferBytes',
    times: 1,
    why: 'the buffer must hold one frame',
  },
  {
    lesser: 'queueGraceMs',
    greater: 'resumeTokenMs',
    times: 1,
    why: 'a player must be able to reconnect while its position in the queue is kept',
  },
  {
    lesser: 'resumeWindowMs',
    greater: 'resumeTokenMs',
    times: 1,
    why: 'a player must be able to reconnect while its session is kept',
  },
];

/** Reports limits that contradict each other. Limits that the file does not set have their defaults. */
export function checkLimits(section: unknown, report: Report): void {
  const written = new Map(
    Object.entries(typeof section === 'object' && section !== null ? section : {}) as [string, unknown][],
  );
  const valueOf = (key: LimitKey): number => {
    const value = written.get(key);
    return typeof value === 'number' ? value : DEFAULT_LIMITS[key];
  };
  for (const { lesser, greater, times, strictly = false, why } of RELATIONS) {
    const least = valueOf(lesser) * times;
    const value = valueOf(greater);
    if (strictly ? value > least : value >= least) continue;
    // Report a key that the file sets: the other one may not be in the file.
    const reported = written.has(greater) || !written.has(lesser) ? greater : lesser;
    const bound = `${strictly ? 'more than' : 'at least'} ${times === 1 ? '' : `${times} times `}${lesser}`;
    report(['limits', reported], `${greater} (${value}) must be ${bound} (${valueOf(lesser)}): ${why}`);
  }
}
