import type { AuditEntry } from '../../domain/audit-entry.js';
import type { OrderTarget } from '../../domain/drain.js';
import type { MoveEntry } from '../../domain/move-entry.js';
import type { DrainOrder, DrainPreview, DrainReport, Operator } from '../drain/drain-orders.js';

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
