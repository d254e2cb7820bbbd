import type { SessionEventType } from './session-events.js';
import type { Phase } from './session-phases.js';

type Row = Readonly<Partial<Record<SessionEventType, readonly Phase[]>>>;

/** A broker can end every live session, and so does a host that leaves. A higher epoch ends the assignment and begins the next one. */
const LIVE = {
  prepare: ['prepared'],
  restore: ['restoring'],
  end_ordered: ['ended'],
  left: ['ended'],
} as const satisfies Row;

const RESERVED = {
  ...LIVE,
  ticket: ['active'],
  ticket_expired: ['ended'],
  slot_wait_over: ['ended'],
  time: ['ended'],
  closed: ['ended'],
} as const satisfies Row;

const HELD = {
  ...LIVE,
  // There may be too many reservations for the next assignment.
  prepare: ['prepared', 'ended'],
  ticket: ['active'],
  application_ended: ['ended'],
  time: ['ended'],
} as const satisfies Row;

/** The application may still refuse a session that was prepared. */
const OWN = { ...HELD, prepare_refused: ['ended'] } as const satisfies Row;

/** A paused session resumes in this phase. */
function paused(resumed: Phase): Row {
  return {
    ...OWN,
    // A second order cancels the move.
    checkpoint_ordered: [resumed],
    resume_ordered: [resumed],
    move_refused: [resumed],
    time: [resumed, 'ended'],
    closed: [resumed],
  };
}

/**
 * The other phases to which each event can lead. Events that are not listed leave a session in its phase. Which of several phases
 * follows depends on epochs, on the number of the ticket, on deadlines and on free slots; `session-machine.ts` decides.
 */
export const NEXT_PHASES: Readonly<Record<Phase, Row>> = {
  prepared: { ...RESERVED, prepare: [], prepare_refused: ['ended'] },
  restoring: {
    ...RESERVED,
    restore: [],
    ticket: ['restoring_active', 'active'],
    restore_done: ['restored'],
    restore_refused: ['ended'],
    move_refused: ['ended'],
  },
  restored: {
    ...RESERVED,
    ticket: ['arrived_active', 'active'],
    answer_sent: ['awaiting_client'],
    move_refused: ['ended'],
  },
  awaiting_client: { ...RESERVED, ticket: ['arrived_active', 'active'], move_refused: ['ended'] },

  active: { ...OWN, ticket: [], stream_connected: ['connected'], stream_lost: ['disconnected'] },
  connected: { ...OWN, stream_lost: ['disconnected'], checkpoint_ordered: ['checkpointing'] },
  disconnected: { ...OWN, stream_connected: ['connected'] },

  restoring_active: {
    ...HELD,
    stream_connected: ['restoring_connected'],
    stream_lost: ['restoring_disconnected'],
    restore_done: ['arrived_active'],
    restore_refused: ['ended'],
  },
  restoring_connected: {
    ...HELD,
    ticket: ['restoring_active', 'active'],
    stream_lost: ['restoring_disconnected'],
    restore_done: ['arrived_connected'],
    restore_refused: ['ended'],
  },
  restoring_disconnected: {
    ...HELD,
    ticket: ['restoring_active', 'active'],
    stream_connected: ['restoring_connected'],
    restore_done: ['arrived_disconnected'],
    restore_refused: ['ended'],
  },
  arrived_active: {
    ...HELD,
    stream_connected: ['arrived_connected'],
    stream_lost: ['arrived_disconnected'],
    moved: ['active'],
  },
  arrived_connected: {
    ...HELD,
    ticket: ['arrived_active', 'active'],
    stream_lost: ['arrived_disconnected'],
    moved: ['connected'],
  },
  arrived_disconnected: {
    ...HELD,
    ticket: ['arrived_active', 'active'],
    stream_connected: ['arrived_connected'],
    moved: ['disconnected'],
  },

  checkpointing: {
    ...paused('connected'),
    stream_lost: ['disconnected'],
    checkpoint_done: ['checkpointed'],
    checkpoint_refused: ['connected'],
  },
  checkpointed: {
    ...paused('connected'),
    stream_lost: ['disconnected'],
    answer_sent: ['handed_over'],
  },
  handed_over: {
    ...paused('connected'),
    ticket: ['handed_over_active', 'active'],
    stream_lost: ['handed_over_disconnected'],
  },
  handed_over_active: {
    ...paused('active'),
    stream_connected: ['connected'],
    stream_lost: ['handed_over_disconnected'],
  },
  handed_over_disconnected: {
    ...paused('disconnected'),
    ticket: ['handed_over_active', 'active'],
    stream_connected: ['connected'],
  },

  ended: { prepare: ['prepared'], restore: ['restoring'], ticket: ['active'] },
};
