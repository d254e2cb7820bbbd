/**
 * The words that code, wire, documents and metrics share: plain constants and types, nothing else.
 * Everything may import this module; it imports nothing.
 */

/** Video codecs that hosts encode and devices decode, best first. */
export const CODECS = ['av1', 'hevc', 'vp9', 'h264'] as const;
export type Codec = (typeof CODECS)[number];

/** Stream resolutions by picture height, smallest first. */
export const RESOLUTIONS = ['720p', '1080p', '1440p', '2160p'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** What the hosts of a pool are: console hardware, or PCs with GPUs. */
export const PLATFORMS = ['console', 'pc'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** What a player plays on. */
export const DEVICE_KINDS = ['console', 'pc', 'tv', 'mobile', 'browser'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

/**
 * The life of a session: one player's use of one slot.
 *
 * - `reserved`: a slot is held, the client has to claim it at the host before the reservation expires.
 * - `active`: the host accepted the client's ticket; the slot is used.
 * - `connected` / `disconnected`: the stream runs / the stream was lost and may come back.
 * - `moving`: the host handed its state over and holds it still, until another host has the client or the move fails.
 * - `ended`: over, with a reason.
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

/** Limits that hosts keep: the player did nothing for too long; the session lasted as long as sessions may. */
export const HOST_LIMIT_KINDS = ['idle', 'max_length'] as const;
export type HostLimitKind = (typeof HOST_LIMIT_KINDS)[number];

/** Limits that end a session: those of its host, and the deadline of a drain. */
export const LIMIT_KINDS = [...HOST_LIMIT_KINDS, 'drain_deadline'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/**
 * What a player who has another session or request already wants of a new `play`.
 *
 * - `resume`: that one, on this device, instead of a new one.
 * - `takeover`: the new one; the other ends with `superseded`.
 * - `fail`: to be asked: the request is refused with `SESSION_EXISTS`.
 */
export const CONFLICT_CHOICES = ['resume', 'takeover', 'fail'] as const;
export type OnConflict = (typeof CONFLICT_CHOICES)[number];

/** What a player wants when the host of the session is lost: another host, or an end. */
export const HOST_LOST_CHOICES = ['replace', 'end'] as const;
export type OnHostLost = (typeof HOST_LOST_CHOICES)[number];

/** States of a region. */
export const REGION_STATES = ['open', 'draining', 'drained'] as const;
export type RegionState = (typeof REGION_STATES)[number];

/**
 * The load dimensions a host measures: 0 idle, 1 all of it in use. More than 1 means demand beyond the
 * hardware and is not clamped, so that the fullest of many full hosts can still be told apart.
 */
export const LOAD_DIMENSIONS = ['gpu', 'encoder', 'cpu', 'network'] as const;
export type LoadDimension = (typeof LOAD_DIMENSIONS)[number];
