import type { HeldState } from '@duskline/protocol';
import { isHeld, type HostSessionState } from './session-transitions.js';

interface PhaseTraits {
  /** What messages and the application see. */
  readonly state: HostSessionState;
  /** Whether the session is part of a move to this host, or away from it. */
  readonly move: 'none' | 'here' | 'away';
  /** Whether a broker waits for this host to answer `checkpoint` or `restore`. */
  readonly answerDue: boolean;
}

/**
 * The phases of a session at its host, each with its traits.
 *
 * Reserved, no client was admitted yet:
 * - `prepared`: a broker reserved a slot.
 * - `restoring`: the session moves here; the application restores it.
 * - `restored`: the application has restored it; `restored` was not sent to the broker yet.
 * - `awaiting_client`: the broker was sent `restored`; the client connects next.
 *
 * Held, a client was admitted:
 * - `active`, `connected`, `disconnected`: the session belongs to this host.
 * - `restoring_…`: the client connected before the application had restored the session.
 * - `arrived_…`: the session is restored, and belongs to its source host until the broker sends `moved`.
 *
 * Held and paused, because the session may move away:
 * - `checkpointing`: the application creates the checkpoint.
 * - `checkpointed`: the checkpoint could not be sent yet.
 * - `handed_over…`: the broker has the checkpoint. `…_disconnected`: the client left this host, perhaps for the other one.
 *   `…_active`: the client returned to this host.
 *
 * Over:
 * - `ended`: this epoch and lower ones are over here, or the host does not know the session (epoch 0).
 */
export const PHASES = {
  prepared: { state: 'prepared', move: 'none', answerDue: false },
  restoring: { state: 'prepared', move: 'here', answerDue: true },
  restored: { state: 'prepared', move: 'here', answerDue: true },
  awaiting_client: { state: 'prepared', move: 'here', answerDue: false },
  active: { state: 'active', move: 'none', answerDue: false },
  connected: { state: 'connected', move: 'none', answerDue: false },
  disconnected: { state: 'disconnected', move: 'none', answerDue: false },
  restoring_active: { state: 'active', move: 'here', answerDue: true },
  restoring_connected: { state: 'connected', move: 'here', answerDue: true },
  restoring_disconnected: { state: 'disconnected', move: 'here', answerDue: true },
  arrived_active: { state: 'active', move: 'here', answerDue: false },
  arrived_connected: { state: 'connected', move: 'here', answerDue: false },
  arrived_disconnected: { state: 'disconnected', move: 'here', answerDue: false },
  checkpointing: { state: 'moving', move: 'away', answerDue: true },
  checkpointed: { state: 'moving', move: 'away', answerDue: true },
  handed_over: { state: 'moving', move: 'away', answerDue: false },
  handed_over_active: { state: 'active', move: 'away', answerDue: false },
  handed_over_disconnected: { state: 'disconnected', move: 'away', answerDue: false },
  ended: { state: 'ended', move: 'none', answerDue: false },
} as const satisfies Record<string, PhaseTraits>;

export type Phase = keyof typeof PHASES;
type PhasesWith<State extends HostSessionState> = {
  [P in Phase]: (typeof PHASES)[P]['state'] extends State ? P : never;
}[Phase];
/** No client was admitted yet. */
export type ReservedPhase = PhasesWith<'prepared'>;
/** A client was admitted: the session uses a slot, and heartbeats list it. */
export type HeldPhase = PhasesWith<HeldState>;
export type LivePhase = ReservedPhase | HeldPhase;

/** The state that messages and the application see. */
export function stateOf(phase: Phase): HostSessionState {
  return PHASES[phase].state;
}

/** Whether the session uses a slot. */
export function isHeldPhase(phase: Phase): phase is HeldPhase {
  return isHeld(PHASES[phase].state);
}

/** Whether the session moves to this host, and still belongs to another one. */
export function isArriving(phase: Phase): boolean {
  return PHASES[phase].move === 'here';
}

/** Whether the session is paused, because it may move away. */
export function isPaused(phase: Phase): boolean {
  return PHASES[phase].move === 'away';
}

interface PhaseRow<Restored extends LivePhase> {
  /** After a ticket was accepted. `null`: a client has the session already. */
  readonly admit: HeldPhase | null;
  /** The client receives the stream. */
  readonly connect: HeldPhase | null;
  /** The client lost its stream. */
  readonly lose: HeldPhase | null;
  /** The move away from this host is over, and the session stays. */
  readonly resume: HeldPhase | null;
  /** The application has restored the session. */
  readonly restore: Restored | null;
  /** The session has moved to this host. */
  readonly begin: HeldPhase | null;
}

const NOTHING = { admit: null, connect: null, lose: null, resume: null, restore: null, begin: null } as const;

/** The phase after each change of client or move. `null`: the change is not possible in this phase. */
export const CHANGES: Readonly<
  Record<ReservedPhase, PhaseRow<ReservedPhase>> & Record<HeldPhase, PhaseRow<HeldPhase>>
> = {
  prepared: { ...NOTHING, admit: 'active' },
  restoring: { ...NOTHING, admit: 'restoring_active', restore: 'restored' },
  restored: { ...NOTHING, admit: 'arrived_active' },
  awaiting_client: { ...NOTHING, admit: 'arrived_active' },
  active: { ...NOTHING, connect: 'connected', lose: 'disconnected' },
  connected: { ...NOTHING, lose: 'disconnected' },
  disconnected: { ...NOTHING, admit: 'active', connect: 'connected' },
  restoring_active: {
    ...NOTHING,
    connect: 'restoring_connected',
    lose: 'restoring_disconnected',
    restore: 'arrived_active',
  },
  restoring_connected: { ...NOTHING, lose: 'restoring_disconnected', restore: 'arrived_connected' },
  restoring_disconnected: {
    ...NOTHING,
    admit: 'restoring_active',
    connect: 'restoring_connected',
    restore: 'arrived_disconnected',
  },
  arrived_active: {
    ...NOTHING,
    connect: 'arrived_connected',
    lose: 'arrived_disconnected',
    begin: 'active',
  },
  arrived_connected: { ...NOTHING, lose: 'arrived_disconnected', begin: 'connected' },
  arrived_disconnected: {
    ...NOTHING,
    admit: 'arrived_active',
    connect: 'arrived_connected',
    begin: 'disconnected',
  },
  // A broker that has no checkpoint yet cannot have moved the session, so a lost stream ends the move.
  checkpointing: { ...NOTHING, lose: 'disconnected', resume: 'connected' },
  checkpointed: { ...NOTHING, lose: 'disconnected', resume: 'connected' },
  handed_over: { ...NOTHING, lose: 'handed_over_disconnected', resume: 'connected' },
  handed_over_active: {
    ...NOTHING,
    connect: 'connected',
    lose: 'handed_over_disconnected',
    resume: 'active',
  },
  handed_over_disconnected: {
    ...NOTHING,
    admit: 'handed_over_active',
    connect: 'connected',
    resume: 'disconnected',
  },
};
