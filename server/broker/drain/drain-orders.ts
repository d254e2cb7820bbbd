import type { AtDeadline, Drain, DrainMode, DrainProgress, OrderTarget } from '../../domain/drain.js';

/** The operator who gives an order, for the audit trail. */
export interface Operator {
  readonly operatorId: string;
  /** IP address from which the order was sent. */
  readonly from: string;
}

/** An order to empty a region, pool or host. */
export interface DrainOrder {
  readonly target: OrderTarget;
  readonly mode: DrainMode;
  readonly atDeadline: AtDeadline;
  /** Time until the deadline. */
  readonly deadlineMs: number;
  /** Confirms that the target may be the last open region. */
  readonly yesEverything: boolean;
}

/** The effects that a drain would have. */
export interface DrainPreview {
  readonly target: OrderTarget;
  /** Live sessions on the target. */
  readonly sessions: number;
  /** Requests that wait for a slot of the target, and would have to wait elsewhere. One in several queues counts once. */
  readonly waiting: number;
  /** Free slots of ready, open hosts outside the target, by region. */
  readonly freeSlots: readonly { readonly region: string; readonly slots: number }[];
  /** Sessions that could be moved (played and movable, or not yet claimed), by the region pool they would move to. */
  readonly fits: readonly { readonly region: string; readonly pool: string; readonly sessions: number }[];
  /** Sessions that could be moved, but no region pool that may serve their players has a free slot. */
  readonly noRoom: number;
  /** Sessions that cannot be moved. The drain waits for their end. */
  readonly notMovable: number;
}

/** A drain, with the number of its sessions by outcome. */
export interface DrainReport extends Drain {
  readonly progress: DrainProgress;
}
