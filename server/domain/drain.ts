import type { EndReason } from '@duskline/protocol/vocabulary';

/** What an order is about: a whole region, one pool of it, or one host. */
export interface OrderTarget {
  readonly region: string;
  /** `null`: every pool of the region. */
  readonly pool: string | null;
  /** `null`: every host. */
  readonly hostId: string | null;
}

/**
 * How a drain empties its target. `wait`: every session ends when its player ends it, or at the deadline. `move`: what can
 * be moved goes on elsewhere, the rest is waited for.
 */
export const DRAIN_MODES = ['wait', 'move'] as const;
export type DrainMode = (typeof DRAIN_MODES)[number];

/** What becomes of sessions that are left at the deadline: they end with `drain_deadline`, or they are left running. */
export const AT_DEADLINE = ['end', 'keep'] as const;
export type AtDeadline = (typeof AT_DEADLINE)[number];

/**
 * The life of a drain. `running` until nothing is left or the deadline has come; `done` then: the target stays closed.
 * `undone` when operators opened the target again.
 */
export const DRAIN_STATES = ['running', 'done', 'undone'] as const;
export type DrainState = (typeof DRAIN_STATES)[number];

export const DRAIN_TRANSITIONS = {
  running: ['done', 'undone'],
  done: ['undone'],
  undone: [],
} as const satisfies Record<DrainState, readonly DrainState[]>;

export function canChangeDrainState(from: DrainState, to: DrainState): boolean {
  return (DRAIN_TRANSITIONS[from] as readonly DrainState[]).includes(to);
}

/** An order to empty something by a time. Times are the store's, in milliseconds since 1970. */
export interface Drain {
  readonly drainId: string;
  readonly target: OrderTarget;
  readonly mode: DrainMode;
  readonly atDeadline: AtDeadline;
  readonly deadlineAtMs: number;
  readonly orderedAtMs: number;
  /** The operator, by the subject of the token. */
  readonly orderedBy: string;
  readonly state: DrainState;
  /** `null` while it runs. */
  readonly finishedAtMs: number | null;
}

/**
 * What became of one session of a drained target: `staying` while it is there, `left` when it ended without the drain's
 * doing, `moved` when it goes on elsewhere, `ended` by the deadline, `remaining` when the deadline left it running.
 */
export const DRAIN_OUTCOMES = ['staying', 'left', 'moved', 'ended', 'remaining'] as const;
export type DrainOutcome = (typeof DRAIN_OUTCOMES)[number];

/** How many sessions had each outcome. */
export type DrainProgress = Readonly<Record<DrainOutcome, number>>;

export function countOutcomes(outcomes: Iterable<DrainOutcome>): DrainProgress {
  const counts: Record<DrainOutcome, number> = { staying: 0, left: 0, moved: 0, ended: 0, remaining: 0 };
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}

/** What a round of a drain sees of one session that was on its target. */
export interface DrainedSession {
  /** Whether it lives on a host of the target. */
  readonly onTarget: boolean;
  /** Whether it lives at all, as far as anybody knows. */
  readonly lives: boolean;
  readonly reason: EndReason | null;
}

/** The outcome of a session that was seen on the target, now. */
export function drainOutcomeOf({ onTarget, lives, reason }: DrainedSession): DrainOutcome {
  if (onTarget) return 'staying';
  if (lives) return 'moved';
  return reason === 'drain_deadline' ? 'ended' : 'left';
}

/** What a round of a drain has to do next. */
export type DrainStep = 'wait' | 'end-sessions' | 'leave-remaining' | 'finish';

/** @param staying how many sessions are on the target */
export function nextDrainStep(drain: Drain, staying: number, nowMs: number): DrainStep {
  if (staying === 0) return 'finish';
  if (nowMs < drain.deadlineAtMs) return 'wait';
  return drain.atDeadline === 'end' ? 'end-sessions' : 'leave-remaining';
}

/** The name under which a target's drain is stored: the region has one of each. */
export function targetName({ pool, hostId }: OrderTarget): string {
  if (pool === null) return 'region';
  return hostId === null ? `pool/${pool}` : `host/${pool}/${hostId}`;
}

/** Whether an order about `outer` covers everything that one about `inner` does. */
export function covers(outer: OrderTarget, inner: OrderTarget): boolean {
  return (
    outer.region === inner.region &&
    (outer.pool === null || outer.pool === inner.pool) &&
    (outer.hostId === null || outer.hostId === inner.hostId)
  );
}
