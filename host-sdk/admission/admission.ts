import type { HostedSession } from '../sessions/hosted-session.js';
import { CLAIM_FAULTS } from '../sessions/session-events.js';
import { TICKET_FAULTS } from './ticket-verifier.js';

/** Why a client was refused: because of its ticket, the state of its session, or a closed host. */
export const REFUSAL_REASONS = [...TICKET_FAULTS, ...CLAIM_FAULTS, 'host_closed'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The decision about a client that showed a ticket. */
export type Admission =
  | {
      readonly ok: true;
      readonly session: HostedSession;
      /**
       * A client had been admitted before: this one, which lost its connection, or another one, which this one replaces (event
       * `streamReplaced`).
       */
      readonly readmitted: boolean;
    }
  | { readonly ok: false; readonly reason: RefusalReason };
