import { LOAD_DIMENSIONS, type LoadDimension } from '@duskline/protocol/vocabulary';

/**
 * Congestion in millionths: 0 idle, `FULL` full, more when a host measures more than it has.
 *
 * All sums are whole numbers, so that the Lua scripts and this module give the same answer to the last
 * digit and a tie is a tie in both.
 */
export const FULL = 1_000_000;

/**
 * How long a new session's load takes to show in the measurement, as a time constant. A game stream
 * takes about 20 s to reach its load; with a time constant of 10 s and a heartbeat every 2 s, five sixths of it
 * are written off by then.
 */
export const RAMP_TIME_CONSTANT_MS = 10_000;

/** What congestion is computed from. Loads are in millionths of the host. */
export interface HostGauge {
  readonly slots: number;
  /** Slots reserved or used. */
  readonly committed: number;
  /** The worst load dimension of the last heartbeat. */
  readonly measured: number;
  /** Expected load of sessions placed so recently that the measurement cannot show all of it yet. */
  readonly ramping: number;
}

/** `max(committed, measured + ramping)`, in millionths. */
export function congestion(gauge: HostGauge): number {
  return Math.max(Math.floor((gauge.committed * FULL) / gauge.slots), gauge.measured + gauge.ramping);
}

/** The load that one more session is expected to bring, in millionths of the host. */
export function expectedSessionLoad(slots: number): number {
  return Math.floor(FULL / slots);
}

/**
 * What is left of `ramping` after `elapsedMs`: the measurement shows the rest by now.
 *
 * Jicofo corrects reported stress for recent joins in the same spirit (jitsi/jicofo#1300). Exponential
 * decay, one implicit Euler step per heartbeat, needs one number per host where exact ramps need a list; and
 * unlike the explicit step it leaves something after a gap of any length.
 */
export function decayRamping(ramping: number, elapsedMs: number): number {
  return Math.floor((ramping * RAMP_TIME_CONSTANT_MS) / (RAMP_TIME_CONSTANT_MS + Math.max(elapsedMs, 0)));
}

/** What is left of `ramping` when a session of that age ends: its own share has not to be expected any more. */
export function withdrawRamping(ramping: number, slots: number, ageMs: number): number {
  return Math.max(0, ramping - decayRamping(expectedSessionLoad(slots), ageMs));
}

/** The worst load dimension, in millionths, not clamped. */
export function measuredLoad(load: Readonly<Record<LoadDimension, number>>): number {
  return Math.round(Math.max(...LOAD_DIMENSIONS.map((dimension) => load[dimension])) * FULL);
}
