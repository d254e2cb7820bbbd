import type { AtDeadline, Drain, DrainMode, DrainProgress, OrderTarget } from '../../domain/drain.js';

/** Who gives an order, for the audit trail. */
export interface Operator {
  readonly operatorId: string;
  /** The address that the order came from. */
  readonly from: string;
}

/** An order to empty a region, pool or host. */
export interface DrainOrder {
  readonly target: OrderTarget;
  readonly mode: DrainMode;
  readonly atDeadline: AtDeadline;
  /** From now on. */
  readonly deadlineMs: number;
  /** Says that it may be the last open region. */
  readonly yesEverything: boolean;
}

/** What a drain would meet. */
export interface DrainPreview {
  readonly target: OrderTarget;
  /** Live sessions on the target. */
  readonly sessions: number;
  /** Placements that wait for a slot there, and would have to wait elsewhere. */
  readonly waiting: number;
  /** Free slots of ready, open hosts beside the target, by region: where players may go who come again. */
  readonly freeSlots: readonly { readonly region: string; readonly slots: number }[];
  /** Of the sessions, those that could be moved while they are played, or are not claimed yet, and where they would go. */
  readonly fits: readonly { readonly region: string; readonly pool: string; readonly sessions: number }[];
  /** Those that could be moved and for which there is no room where their players may be served. */
  readonly noRoom: number;
  /** Those that can only be waited for. */
  readonly notMovable: number;
}

/** A drain, with what became of the sessions so far. */
export interface DrainReport extends Drain {
  readonly progress: DrainProgress;
}
