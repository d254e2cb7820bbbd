import { LOAD_DIMENSIONS, type LoadDimension } from '@duskline/protocol/vocabulary';

/**
 * The congestion of a full host. Congestion and load are in millionths of a host: 0 is idle, more than `FULL` is demand
 * beyond its hardware.
 *
 * All values are whole numbers, so that the Lua scripts and this module compute exactly the same congestion and agree on
 * ties.
 */
export const FULL = 1_000_000;

/**
 * Time constant with which the expected load of a new session decays, while its real load appears in the measurements. A
 * game stream takes about 20 s to reach its full load; with 10 s and a heartbeat every 2 s, five sixths have decayed by then.
 */
export const RAMP_TIME_CONSTANT_MS = 10_000;

/** The values that congestion is computed from. Loads are in millionths of the host. */
export interface HostGauge {
  readonly slots: number;
  /** Slots that are reserved or in use. */
  readonly committed: number;
  /** The highest load dimension of the last heartbeat. */
  readonly measured: number;
  /** Expected load of recent sessions that measurements do not show yet. */
  readonly ramping: number;
}

/** Congestion of a host: `max(committed / slots, measured + ramping)`, in millionths. */
export function congestion(gauge: HostGauge): number {
  return Math.max(Math.floor((gauge.committed * FULL) / gauge.slots), gauge.measured + gauge.ramping);
}

/** Expected load of one session: the share of one slot, in millionths of the host. */
export function expectedSessionLoad(slots: number): number {
  return Math.floor(FULL / slots);
}

/**
 * `ramping` after `elapsedMs` more: measurements show the rest by now. Jicofo corrects reported stress for recent joins in a
 * similar way (jitsi/jicofo#1300).
 *
 * Exponential decay by one implicit Euler step per heartbeat needs one number per host, where exact ramps would need a list.
 * Unlike the explicit step, it stays positive after a gap of any length.
 */
export function decayRamping(ramping: number, elapsedMs: number): number {
  return Math.floor((ramping * RAMP_TIME_CONSTANT_MS) / (RAMP_TIME_CONSTANT_MS + Math.max(elapsedMs, 0)));
}

/** `ramping` without the remaining share of a session that ends at the age of `ageMs`. */
export function withdrawRamping(ramping: number, slots: number, ageMs: number): number {
  return Math.max(0, ramping - decayRamping(expectedSessionLoad(slots), ageMs));
}

/** The highest load dimension of a heartbeat, in millionths. Not clamped: it may exceed `FULL`. */
export function measuredLoad(load: Readonly<Record<LoadDimension, number>>): number {
  return Math.round(Math.max(...LOAD_DIMENSIONS.map((dimension) => load[dimension])) * FULL);
}
