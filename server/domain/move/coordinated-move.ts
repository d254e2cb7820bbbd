import type { MoveFailure, MoveParty, MoveReply } from './move-reply.js';

/** The host on which a move has reserved a slot. */
export interface MoveTarget {
  readonly hostId: string;
  readonly hostConnectionId: string;
}

/** What the coordinator asks of one party after the other. */
export type MoveStep = 'checkpoint' | 'restore' | 'client';

/**
 * The phase of a move at its coordinator.
 *
 * - `reserving`: the store reserves a slot on a target host.
 * - `checkpointing`: the source host pauses the session and hands its state over.
 * - `restoring`: the target host restores the session.
 * - `changing_hosts`: the client connects to the target host.
 * - `cancelling`: the move has failed, and the store decides whether the client has arrived all the same.
 * - `moved`, `stayed`, `ended`: the session is on the target host, on the source host, or over.
 */
export type Phase =
  /** `lostSlot`: why the slot was lost again before the store's answer arrived. */
  | { readonly name: 'reserving'; readonly lostSlot: string | null }
  | { readonly name: 'checkpointing' | 'restoring' | 'changing_hosts'; readonly target: MoveTarget }
  | {
      readonly name: 'cancelling';
      readonly target: MoveTarget;
      readonly failure: MoveFailure;
      /** The slot was lost. The party that gave it up may still say so, and why. */
      readonly mayBeExplained: boolean;
      readonly isSessionOver: boolean;
    }
  | { readonly name: 'moved'; readonly target: MoveTarget }
  | { readonly name: 'stayed' | 'ended'; readonly failure: MoveFailure; readonly target: MoveTarget | null };

export type PhaseName = Phase['name'];

/** What happens to a move. Replies and deadlines of an earlier step change nothing. */
export type MoveEvent =
  | { readonly type: 'reserved'; readonly target: MoveTarget }
  | { readonly type: 'not_reserved'; readonly reason: string }
  /** The party was asked: its time begins. */
  | { readonly type: 'requested'; readonly step: MoveStep }
  /** The party could not be asked. `isSessionOver`: because the session has ended. */
  | {
      readonly type: 'request_failed';
      readonly step: MoveStep;
      readonly failure: MoveFailure;
      readonly isSessionOver: boolean;
    }
  | { readonly type: 'replied'; readonly reply: MoveReply }
  /** The party has not replied in time. */
  | { readonly type: 'overdue'; readonly step: MoveStep }
  /** The slot on the target host is gone. */
  | { readonly type: 'slot_lost'; readonly reason: string }
  /** The store has given the slot up, or the client has arrived. */
  | { readonly type: 'cancel_answered'; readonly outcome: 'cancelled' | 'arrived' }
  /** The store was not reached: the target reservation expires, and the source host resumes the session by itself. */
  | { readonly type: 'cancel_failed'; readonly reason: string };

export type MoveEffect =
  /** Answer: `requested` or `request_failed`. `reference`: leads the target host to the checkpoint. */
  | {
      readonly type: 'request';
      readonly step: MoveStep;
      readonly target: MoveTarget;
      readonly reference: string | null;
    }
  /** Answer: `overdue`, unless the move goes on before. */
  | { readonly type: 'set_deadline'; readonly step: MoveStep }
  /** Answer: `cancel_answered` or `cancel_failed`. */
  | { readonly type: 'cancel' };

/** What a step returns: the move afterwards, and what the broker has to do. */
export interface MoveTransition {
  readonly phase: Phase;
  readonly effects: readonly MoveEffect[];
}

/** A move whose slot the store is asked for. */
export const BEGUN: Phase = { name: 'reserving', lostSlot: null };

/** Whether the move is over. */
export function isOver(
  phase: Phase,
): phase is Extract<Phase, { readonly name: 'moved' | 'stayed' | 'ended' }> {
  return phase.name === 'moved' || phase.name === 'stayed' || phase.name === 'ended';
}

/** The party that has to reply in a step. It counts as the one that refused if no reply comes in time. */
export const PARTY_OF_STEP: Readonly<Record<MoveStep, MoveParty>> = {
  checkpoint: 'source',
  restore: 'target',
  client: 'client',
};
