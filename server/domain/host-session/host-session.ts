import type { EndReason, HeldState } from '@duskline/protocol/vocabulary';

/** An assignment that the host lists as running. */
export interface Listed {
  readonly epoch: number;
  readonly state: HeldState;
}

/**
 * The phase of a session on one connection of its host.
 *
 * - `absent`: the host was not sent the session, or it is over there.
 * - `prepared`: the host was sent `prepare` and has not said that it is ready.
 * - `ready`: the host has said so.
 * - `restoring`: the host was sent `restore`, because the session moves to it.
 * - `held`: the host lists the session as running.
 *
 * `before`: an earlier assignment of the session, which the host still lists.
 *
 * `isUnprepared`: the client came to the host before `prepare` did, and it is still to be sent.
 */
export type Phase =
  | { readonly name: 'absent' }
  | {
      readonly name: 'prepared';
      readonly epoch: number;
      /** Heartbeats that list prepared sessions without this one, up to `MIN_HEARTBEATS`. */
      readonly heartbeats: number;
      readonly before: Listed | null;
    }
  | { readonly name: 'ready'; readonly epoch: number; readonly before: Listed | null }
  | { readonly name: 'restoring'; readonly epoch: number; readonly before: Listed | null }
  | { readonly name: 'held'; readonly listed: Listed; readonly isUnprepared: boolean };

export type PhaseName = Phase['name'];

/** A session on one connection of its host. */
export interface HostSession {
  readonly phase: Phase;
  /** The epoch that the store knows to be movable; `null` if it knows of none. */
  readonly storedMovableEpoch: number | null;
}

export const ABSENT: HostSession = { phase: { name: 'absent' }, storedMovableEpoch: null };

/** What happens to a session on a host. An event about an earlier assignment changes nothing of a later one. */
export type HostSessionEvent =
  /** The store has reserved a slot of the host for the session, which a client may have claimed already. */
  | { readonly type: 'assigned'; readonly epoch: number }
  /** The session moves to this host. */
  | { readonly type: 'restore_ordered'; readonly epoch: number }
  /** The host reported the session as running. */
  | { readonly type: 'reported'; readonly epoch: number; readonly state: HeldState }
  /** The host's list of its running sessions has it. */
  | { readonly type: 'listed'; readonly epoch: number; readonly state: HeldState }
  /** A heartbeat does not list the session as running. `prepared`: the epoch for which the host is ready; `undefined` if it names none. */
  | { readonly type: 'unlisted'; readonly prepared: number | 'none' | undefined }
  /** The host ended the session. */
  | { readonly type: 'host_ended'; readonly epoch: number }
  /** The session is over in the store, and the host has to end it. */
  | { readonly type: 'ended'; readonly epoch: number; readonly reason: EndReason }
  /** The store counted the host as lost: what the host lists next decides. */
  | { readonly type: 'host_lost'; readonly epoch: number }
  /** The host may not run this assignment, and knows that from an error. */
  | { readonly type: 'refused'; readonly epoch: number }
  /** The session is on another host now. */
  | { readonly type: 'moved_away'; readonly epoch: number }
  /** The store adopted the session from the host's list, as one that is not movable. */
  | { readonly type: 'adopted' }
  | { readonly type: 'movable_recorded'; readonly epoch: number; readonly movable: boolean };

/** What the broker sends to the host. */
export type HostSessionEffect =
  | { readonly type: 'send_prepare' }
  | { readonly type: 'send_end'; readonly epoch: number; readonly reason: EndReason };

/** What a step returns: the session afterwards, and what the broker sends. */
export interface HostTransition {
  readonly session: HostSession;
  readonly effects: readonly HostSessionEffect[];
}

/** A heartbeat may have been sent before the `prepare` arrived. The next one was not. */
export const MIN_HEARTBEATS = 2;

/** Whether the host has sent heartbeats since its `prepare`, and none of them named the assignment. */
export function isUnanswered({ phase }: HostSession, epoch: number): boolean {
  return phase.name === 'prepared' && phase.epoch === epoch && phase.heartbeats >= MIN_HEARTBEATS;
}

/** Whether the host runs this assignment without its `prepare`. */
export function isUnprepared({ phase }: HostSession, epoch: number): boolean {
  return phase.name === 'held' && phase.isUnprepared && phase.listed.epoch === epoch;
}

/** The assignment that the host lists as running. */
export function listedOf({ phase }: HostSession): Listed | null {
  switch (phase.name) {
    case 'absent':
      return null;
    case 'held':
      return phase.listed;
    case 'prepared':
    case 'ready':
    case 'restoring':
      return phase.before;
  }
}

/** The epoch that the host was sent, or lists; 0 if there is none. */
export function epochOf({ phase }: HostSession): number {
  switch (phase.name) {
    case 'absent':
      return 0;
    case 'held':
      return phase.listed.epoch;
    case 'prepared':
    case 'ready':
    case 'restoring':
      return phase.epoch;
  }
}

/** Whether the host knows the session at this epoch. */
export function hasAssignment(session: HostSession, epoch: number): boolean {
  return epochOf(session) === epoch || listedOf(session)?.epoch === epoch;
}
