import type { EndReason } from '@duskline/protocol/vocabulary';
import type { StoreMs } from './store-time.js';

/** Target of an operator's order: a whole region, one pool of it, or one host of that pool. */
export interface OrderTarget {
  readonly region: string;
  /** `null`: every pool of the region. */
  readonly pool: string | null;
  /** `null`: every host. */
  readonly hostId: string | null;
}

/**
 * How a drain empties its target.
 *
 * - `wait`: sessions end when their players end them, or at the deadline.
 * - `move`: sessions that can be moved are moved to other hosts; the others as with `wait`.
 */
export const DRAIN_MODES = ['wait', 'move'] as const;
export type DrainMode = (typeof DRAIN_MODES)[number];

/** What happens to the remaining sessions at the deadline: they end with `drain_deadline`, or they keep running. */
export const AT_DEADLINE = ['end', 'keep'] as const;
export type AtDeadline = (typeof AT_DEADLINE)[number];

/**
 * States of a drain.
 *
 * - `running`: until no session is left or the deadline has passed.
 * - `done`: finished. The target stays closed.
 * - `undone`: operators opened the target again.
 */
export const DRAIN_STATES = ['running', 'done', 'undone'] as const;
export type DrainState = (typeof DRAIN_STATES)[number];

/** The states that may follow each state. */
export const DRAIN_TRANSITIONS = {
  running: ['done', 'undone'],
  done: ['undone'],
  undone: [],
} as const satisfies Record<DrainState, readonly DrainState[]>;

export function canChangeDrainState(from: DrainState, to: DrainState): boolean {
  return (DRAIN_TRANSITIONS[from] as readonly DrainState[]).includes(to);
}

/** An order to empty a target by a deadline. */
export interface Drain {
  readonly drainId: string;
  readonly target: OrderTarget;
  readonly mode: DrainMode;
  readonly atDeadline: AtDeadline;
  readonly deadlineAtMs: StoreMs;
  readonly orderedAtMs: StoreMs;
  /** Subject (`sub`) of the operator's token. */
  readonly orderedBy: string;
  readonly state: DrainState;
  /** `null` while the drain is running. */
  readonly finishedAtMs: StoreMs | null;
}

/**
 * Outcome of a drain for one session of its target.
 *
 * - `staying`: the session is still on the target.
 * - `left`: it ended for another reason than the drain.
 * - `moved`: it runs on a host outside of the target.
 * - `ended`: the drain ended it at the deadline.
 * - `remaining`: the deadline passed and it keeps running on the target.
 */
export const DRAIN_OUTCOMES = ['staying', 'left', 'moved', 'ended', 'remaining'] as const;
export type DrainOutcome = (typeof DRAIN_OUTCOMES)[number];

/** Number of sessions by outcome. */
export type DrainProgress = Readonly<Record<DrainOutcome, number>>;

export function countOutcomes(outcomes: Iterable<DrainOutcome>): DrainProgress {
  const counts: Record<DrainOutcome, number> = { staying: 0, left: 0, moved: 0, ended: 0, remaining: 0 };
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}

/** State of one session that was on the target of a drain, as a round of the drain reads it. */
export interface DrainedSession {
  /** Whether it runs on a host of the target. */
  readonly onTarget: boolean;
  /** Whether it is running at all, according to the store. */
  readonly lives: boolean;
  /** Why it ended; `null` while it is running. */
  readonly reason: EndReason | null;
}

/** Current outcome of a session that was on the target. */
export function drainOutcomeOf({ onTarget, lives, reason }: DrainedSession): DrainOutcome {
  if (onTarget) return 'staying';
  if (lives) return 'moved';
  return reason === 'drain_deadline' ? 'ended' : 'left';
}

/** The next step of a drain. */
export type DrainStep = 'wait' | 'end-sessions' | 'leave-remaining' | 'finish';

/**
 * Decides the next step of a running drain.
 *
 * @param staying number of sessions on the target
 */
export function nextDrainStep(drain: Drain, staying: number, now: StoreMs): DrainStep {
  if (staying === 0) return 'finish';
  if (now < drain.deadlineAtMs) return 'wait';
  return drain.atDeadline === 'end' ? 'end-sessions' : 'leave-remaining';
}

/** Name of the target within its region. The store keeps at most one drain for each name. */
export function targetName({ pool, hostId }: OrderTarget): string {
  if (pool === null) return 'region';
  return hostId === null ? `pool/${pool}` : `host/${pool}/${hostId}`;
}

/** Whether every host of `inner` belongs to `outer` too. */
export function covers(outer: OrderTarget, inner: OrderTarget): boolean {
  return (
    outer.region === inner.region &&
    (outer.pool === null || outer.pool === inner.pool) &&
    (outer.hostId === null || outer.hostId === inner.hostId)
  );
}
