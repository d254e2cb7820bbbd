import type { OrderTarget } from './drain.js';
import type { StoreMs } from './store-time.js';

/** Orders of operators that the audit trail records. */
export const AUDIT_ACTIONS = ['drain', 'undrain', 'cordon', 'uncordon'] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One order of an operator in the audit trail: who gave it, when, from where, about what, and its result. */
export interface AuditEntry {
  readonly atMs: StoreMs;
  /** Subject (`sub`) of the operator's token. */
  readonly operatorId: string;
  /** IP address of the operator's connection. */
  readonly from: string;
  readonly action: AuditAction;
  readonly target: OrderTarget;
  /** The other parameters of the order, as JSON. */
  readonly details: string;
  /** `ok`, or the error code with which the order was refused. */
  readonly result: string;
}
