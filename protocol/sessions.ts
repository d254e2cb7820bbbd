import { Type } from 'typebox';

/**
 * The life of a session: one player's use of one slot.
 *
 * - `reserved`: a slot is held, the client has to claim it at the host before the reservation expires.
 * - `active`: the host accepted the client's ticket; the slot is used.
 * - `connected` / `disconnected`: the stream runs / the stream was lost and may come back.
 * - `ended`: over, with a reason.
 */
export const SESSION_STATES = ['reserved', 'active', 'connected', 'disconnected', 'ended'] as const;
export const SessionState = Type.Enum([...SESSION_STATES]);
export type SessionState = (typeof SESSION_STATES)[number];

/** States in which a host holds a session. */
export const HELD_STATES = ['active', 'connected', 'disconnected'] as const;
export const HeldState = Type.Enum([...HELD_STATES]);
export type HeldState = (typeof HELD_STATES)[number];

/** Why a session ended. */
export const END_REASONS = [
  'client_left',
  'host_ended',
  'reservation_expired',
  'reconnect_expired',
  'idle',
  'max_length',
  'host_lost',
  'drain_deadline',
  'superseded',
  'operator',
  'move_failed',
  'error',
] as const;
export const EndReason = Type.Enum([...END_REASONS]);
export type EndReason = (typeof END_REASONS)[number];

/** States of a region. */
export const REGION_STATES = ['open', 'draining', 'drained'] as const;
export const RegionState = Type.Enum([...REGION_STATES]);
export type RegionState = (typeof REGION_STATES)[number];
