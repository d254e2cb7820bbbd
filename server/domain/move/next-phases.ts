import type { MoveEvent, PhaseName } from './coordinated-move.js';
import type { SourceEvent, SourcePhase } from './source-part.js';
import type { TargetEvent, TargetPhase } from './target-part.js';

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

/** The same for the broker of the source host. */
export const NEXT_SOURCE_PHASES: Readonly<
  Record<SourcePhase, Readonly<Partial<Record<SourceEvent['type'], readonly SourcePhase[]>>>>
> = {
  asked: {
    checkpoint_received: ['storing', 'over'],
    refused: ['over'],
    resume_ordered: ['over'],
    session_left: ['over'],
    overdue: ['over'],
  },
  storing: {
    checkpoint_stored: ['paused'],
    checkpoint_not_stored: ['over'],
    refused: ['over'],
    resume_ordered: ['over'],
    session_left: ['over'],
    overdue: ['over'],
  },
  paused: {
    refused: ['over'],
    resume_ordered: ['over'],
    session_left: ['over'],
    overdue: ['over'],
  },
  over: {},
};

/** The same for the broker of the target host. */
export const NEXT_TARGET_PHASES: Readonly<
  Record<TargetPhase, Readonly<Partial<Record<TargetEvent['type'], readonly TargetPhase[]>>>>
> = {
  asked: { restored: ['restored', 'over'], refused: ['over'], finished: ['over'] },
  restored: { refused: ['over'], finished: ['over'] },
  over: {},
};
