/**
 * Constants and types that code, messages, documents and metrics share. Every module may import this one; it imports
 * nothing.
 */

/** Video codecs that hosts encode and devices decode, best first. */
export const CODECS = ['av1', 'hevc', 'vp9', 'h264'] as const;
export type Codec = (typeof CODECS)[number];

/** Stream resolutions by picture height, smallest first. */
export const RESOLUTIONS = ['720p', '1080p', '1440p', '2160p'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** Hardware of a pool's hosts: consoles, or PCs with GPUs. */
export const PLATFORMS = ['console', 'pc'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** Kinds of players' devices. */
export const DEVICE_KINDS = ['console', 'pc', 'tv', 'mobile', 'browser'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

/**
 * States of a session, which is one player's use of one slot.
 *
 * - `reserved`: a slot is held. The client has to claim it at the host before the reservation expires.
 * - `active`: the host accepted the client's ticket.
 * - `connected` and `disconnected`: the stream runs; the stream was lost and may be resumed.
 * - `moving`: the host has sent the session's state and keeps the session paused until the move ends.
 * - `ended`: ended, with a reason.
 */
export const SESSION_STATES = ['reserved', 'active', 'connected', 'disconnected', 'moving', 'ended'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** States in which a host holds a session. */
export const HELD_STATES = ['active', 'connected', 'disconnected', 'moving'] as const;
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
export type EndReason = (typeof END_REASONS)[number];

/** Limits that hosts enforce: no input of the player for too long; maximum length of the session. */
export const HOST_LIMIT_KINDS = ['idle', 'max_length'] as const;
export type HostLimitKind = (typeof HOST_LIMIT_KINDS)[number];

/** Limits that end a session: those that its host enforces, and the deadline of a drain. */
export const LIMIT_KINDS = [...HOST_LIMIT_KINDS, 'drain_deadline'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/**
 * What a new request does if the player already has a session or request.
 *
 * - `resume`: it continues the existing one on this device.
 * - `takeover`: it ends the existing one with `superseded`.
 * - `fail`: it is refused with `SESSION_EXISTS`.
 */
export const CONFLICT_CHOICES = ['resume', 'takeover', 'fail'] as const;
export type OnConflict = (typeof CONFLICT_CHOICES)[number];

/** What happens if a session's host is lost: the session gets another host, or it ends. */
export const HOST_LOST_CHOICES = ['replace', 'end'] as const;
export type OnHostLost = (typeof HOST_LOST_CHOICES)[number];

/** States of a region. */
export const REGION_STATES = ['open', 'draining', 'drained'] as const;
export type RegionState = (typeof REGION_STATES)[number];

/**
 * Resources whose load a host measures: 0 is idle, 1 is fully used. Demand beyond the hardware is more than 1 and is not
 * clamped, so that the most loaded of several full hosts can be found.
 */
export const LOAD_DIMENSIONS = ['gpu', 'encoder', 'cpu', 'network'] as const;
export type LoadDimension = (typeof LOAD_DIMENSIONS)[number];
