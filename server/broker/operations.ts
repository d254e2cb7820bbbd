import type { AuditEntry } from '../domain/audit-entry.js';
import type { MoveEntry } from '../domain/move-entry.js';
import type { AtDeadline, Drain, DrainMode, DrainProgress, OrderTarget } from '../domain/drain.js';

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

/** What operators may do. Every order is written to the audit trail, refused ones too. */
export interface Operations {
  /**
   * Closes the target at once, and empties it by the deadline. A target that is being drained already keeps its drain:
   * two operators see one.
   *
   * @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST, BAD_DEADLINE, LAST_OPEN_REGION, UNAVAILABLE
   */
  drain(order: DrainOrder, operator: Operator): Promise<DrainReport>;
  /** What `drain` would meet; changes nothing. @throws Refusal as `drain` does */
  previewDrain(order: DrainOrder): Promise<DrainPreview>;
  /** Opens a drained target again. @throws Refusal NO_DRAIN, or as for an unknown target */
  undrain(target: OrderTarget, operator: Operator): Promise<DrainReport>;
  /** Closes a host to new sessions; what it has goes on. Repeating it is safe. @throws Refusal UNKNOWN_HOST and others */
  cordon(target: OrderTarget, operator: Operator): Promise<void>;
  /** Opens a cordoned host. */
  uncordon(target: OrderTarget, operator: Operator): Promise<void>;
  /** The latest drain of every target that ever had one, those that run first. */
  drains(): Promise<readonly DrainReport[]>;
  /** The latest moves of all regions, the newest first. */
  moves(limit: number): Promise<readonly MoveEntry[]>;
  /** The latest orders, the newest first. */
  auditTrail(limit: number): Promise<readonly AuditEntry[]>;
}
