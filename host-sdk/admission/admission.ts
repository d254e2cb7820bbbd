import type { HostedSession } from '../sessions/hosted-session.js';
import { CLAIM_FAULTS } from '../sessions/session-table.js';
import { TICKET_FAULTS } from './ticket-verifier.js';

/** Why a client was turned away: a fault of the ticket, a fault of its claim, or the host is closed. */
export const REFUSAL_REASONS = [...TICKET_FAULTS, ...CLAIM_FAULTS, 'host_closed'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What became of a ticket. */
export type Admission =
  | {
      readonly ok: true;
      readonly session: HostedSession;
      /** Its client was here before and lost the stream. */
      readonly readmitted: boolean;
    }
  | { readonly ok: false; readonly reason: RefusalReason };
