import type { MoveEvent, PhaseName } from './coordinated-move.js';

/**
 * The phases of a move at its coordinator to which an event can lead, by the phase before. An event that is not listed does not change
 * the phase. Tests compare this table with the machine, in every state that a move can reach, and with `docs/develop/move.md`.
 */
export const NEXT_COORDINATOR_PHASES: Readonly<
  Record<PhaseName, Readonly<Partial<Record<MoveEvent['type'], readonly PhaseName[]>>>>
> = {
  reserving: {
    reserved: ['checkpointing', 'cancelling'],
    not_reserved: ['stayed'],
  },
  checkpointing: {
    replied: ['restoring', 'cancelling', 'moved'],
    request_failed: ['cancelling'],
    overdue: ['cancelling'],
    slot_lost: ['cancelling'],
  },
  restoring: {
    replied: ['changing_hosts', 'cancelling', 'moved'],
    request_failed: ['cancelling'],
    overdue: ['cancelling'],
    slot_lost: ['cancelling'],
  },
  changing_hosts: {
    replied: ['cancelling', 'moved'],
    request_failed: ['cancelling'],
    overdue: ['cancelling'],
    slot_lost: ['cancelling'],
  },
  cancelling: {
    replied: ['moved'],
    cancel_answered: ['moved', 'stayed', 'ended'],
    cancel_failed: ['stayed'],
  },
  moved: {},
  stayed: {},
  ended: {},
};
