import type { OrderTarget } from './drain.js';

export const AUDIT_ACTIONS = ['drain', 'undrain', 'cordon', 'uncordon'] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One order as the audit trail keeps it: who, what, when, from where, and what came of it. */
export interface AuditEntry {
  /** By the store's clock, in milliseconds since 1970. */
  readonly atMs: number;
  readonly operatorId: string;
  /** The address that the order came from. */
  readonly from: string;
  readonly action: AuditAction;
  readonly target: OrderTarget;
  /** What was asked besides, as JSON. */
  readonly details: string;
  /** `ok`, or the code of the refusal. */
  readonly result: string;
}
