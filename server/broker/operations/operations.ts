import type { AuditEntry } from '../../domain/audit-entry.js';
import type { OrderTarget } from '../../domain/drain.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import type { DrainOrder, DrainPreview, DrainReport, Operator } from '../drain/drain-orders.js';

/** Orders and queries of operators. Every order is recorded in the audit trail, also when it is refused. */
export interface Operations {
  /**
   * Closes the target at once, and empties it by the deadline. When a drain of the target is already running, the order
   * changes nothing and returns that drain.
   *
   * @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST, BAD_DEADLINE, LAST_OPEN_REGION, UNAVAILABLE
   */
  drain(order: DrainOrder, operator: Operator): Promise<DrainReport>;
  /** Computes the effects of `drain` without starting it. @throws Refusal as `drain` does */
  previewDrain(order: DrainOrder): Promise<DrainPreview>;
  /** Ends a drain, and opens its target again unless it is cordoned or another drain covers it. @throws Refusal NO_DRAIN, UNKNOWN_REGION, UNKNOWN_POOL, UNAVAILABLE */
  undrain(target: OrderTarget, operator: Operator): Promise<DrainReport>;
  /**
   * Closes a host to new sessions. Its sessions continue. Safe to repeat.
   *
   * @throws Refusal UNKNOWN_REGION, UNKNOWN_POOL, UNKNOWN_HOST, UNAVAILABLE
   */
  cordon(target: OrderTarget, operator: Operator): Promise<void>;
  /** Ends a cordon, and opens the host again unless a drain covers it. @throws Refusal as `cordon` does */
  uncordon(target: OrderTarget, operator: Operator): Promise<void>;
  /** The latest drain of every target that ever had one: running ones first, then the newest. */
  drains(): Promise<readonly DrainReport[]>;
  /** The latest moves in all regions, the newest first. */
  moves(limit: number): Promise<readonly MoveEntry[]>;
  /** The latest orders, the newest first. */
  auditTrail(limit: number): Promise<readonly AuditEntry[]>;
}
