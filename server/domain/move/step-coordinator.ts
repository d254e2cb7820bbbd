import {
  PARTY_OF_STEP,
  type MoveEvent,
  type MoveStep,
  type MoveTarget,
  type MoveTransition,
  type Phase,
} from './coordinated-move.js';
import type { MoveFailure, MoveReply } from './move-reply.js';

type Running = Extract<Phase, { readonly name: 'checkpointing' | 'restoring' | 'changing_hosts' }>;

/** The step whose reply a phase waits for. */
const STEP_OF_PHASE = {
  checkpointing: 'checkpoint',
  restoring: 'restore',
  changing_hosts: 'client',
} as const satisfies Record<Running['name'], MoveStep>;

/**
 * The machine of a move at its coordinator: returns the phase after the event, and the effects for the broker. Pure, and defined for
 * every event in every phase. For any order of events the move ends once: the session has moved, has stayed, or is over.
 */
export function step(phase: Phase, event: MoveEvent): MoveTransition {
  switch (phase.name) {
    case 'reserving':
      return stepReserving(phase, event);
    case 'checkpointing':
    case 'restoring':
    case 'changing_hosts':
      return stepRunning(phase, event);
    case 'cancelling':
      return stepCancelling(phase, event);
    case 'moved':
    case 'stayed':
    case 'ended':
      return stay(phase);
  }
}

function stay(phase: Phase): MoveTransition {
  return { phase, effects: [] };
}

function stepReserving(
  phase: Extract<Phase, { readonly name: 'reserving' }>,
  event: MoveEvent,
): MoveTransition {
  switch (event.type) {
    case 'slot_lost':
      return stay({ ...phase, lostSlot: event.reason });
    case 'reserved': {
      const { target } = event;
      if (phase.lostSlot !== null) return cancel(target, { by: 'target', reason: phase.lostSlot }, true);
      return request({ name: 'checkpointing', target }, null);
    }
    case 'not_reserved':
      return stay({ name: 'stayed', failure: { by: 'store', reason: event.reason }, target: null });
    default:
      return stay(phase);
  }
}

function stepRunning(phase: Running, event: MoveEvent): MoveTransition {
  const { target } = phase;
  const awaited = STEP_OF_PHASE[phase.name];
  switch (event.type) {
    case 'replied':
      return receiveReply(phase, event.reply);
    case 'requested':
      return event.step === awaited
        ? { phase, effects: [{ type: 'set_deadline', step: awaited }] }
        : stay(phase);
    case 'request_failed':
      return event.step === awaited ? cancel(target, event.failure, false, event.isSessionOver) : stay(phase);
    case 'overdue': {
      if (event.step !== awaited) return stay(phase);
      return cancel(target, { by: PARTY_OF_STEP[awaited], reason: 'no reply in time' });
    }
    case 'slot_lost':
      return cancel(target, { by: 'target', reason: event.reason }, true);
    default:
      return stay(phase);
  }
}

function receiveReply(phase: Running, reply: MoveReply): MoveTransition {
  const { target } = phase;
  switch (reply.kind) {
    case 'checkpoint':
      return phase.name === 'checkpointing'
        ? request({ name: 'restoring', target }, reply.reference)
        : stay(phase);
    case 'restored':
      return phase.name === 'restoring' ? request({ name: 'changing_hosts', target }, null) : stay(phase);
    // The store has moved the session, whatever reply is still missing.
    case 'arrived':
      return stay({ name: 'moved', target });
    case 'refused':
      return cancel(target, { by: reply.by, reason: reply.reason });
  }
}

function stepCancelling(
  phase: Extract<Phase, { readonly name: 'cancelling' }>,
  event: MoveEvent,
): MoveTransition {
  const { target, failure, mayBeExplained, isSessionOver } = phase;
  switch (event.type) {
    case 'replied':
      if (event.reply.kind === 'arrived') return stay({ name: 'moved', target });
      if (event.reply.kind !== 'refused' || !mayBeExplained) return stay(phase);
      return stay({ ...phase, failure: event.reply, mayBeExplained: false });
    case 'cancel_answered':
      if (event.outcome === 'arrived') return stay({ name: 'moved', target });
      return stay({ name: isSessionOver ? 'ended' : 'stayed', failure, target });
    case 'cancel_failed':
      return stay({ name: 'stayed', failure: { by: 'store', reason: event.reason }, target });
    default:
      return stay(phase);
  }
}

function request(phase: Running, reference: string | null): MoveTransition {
  const { target } = phase;
  return { phase, effects: [{ type: 'request', step: STEP_OF_PHASE[phase.name], target, reference }] };
}

function cancel(
  target: MoveTarget,
  failure: MoveFailure,
  mayBeExplained = false,
  isSessionOver = false,
): MoveTransition {
  const phase = { name: 'cancelling', target, failure, mayBeExplained, isSessionOver } as const;
  return { phase, effects: [{ type: 'cancel' }] };
}
