import { PEAK_SHARE, demandShare } from './demand.js';

/** How arrivals spread over time. */
export const PROFILES = ['steady', 'evening', 'storm', 'step'] as const;
export type Profile = (typeof PROFILES)[number];

/** A part of a run with one pattern of arrivals. Times count from its start. */
export type Phase =
  | {
      readonly kind: 'arrivals';
      readonly index: number;
      readonly durationMs: number;
      /** Arrivals a second; the highest rate when it follows a curve. */
      readonly ratePerSecond: number;
      /** `day`: the rate follows a day from midnight to midnight, scaled to the duration. `even`: the rate is constant. */
      readonly curve: 'even' | 'day';
      /** Mean length of sessions. */
      readonly sessionMs: number;
    }
  /** All players connect and request a session at the same time. */
  | {
      readonly kind: 'storm';
      readonly index: number;
      readonly durationMs: number;
      readonly sessionMs: number;
    };

const HOURS = 24;

/** Share of the highest rate, 0 to 1, at a time of a day that is scaled to `durationMs`. */
export function dailyRateShare(atMs: number, durationMs: number): number {
  return demandShare(((atMs / durationMs) * HOURS) % HOURS) / PEAK_SHARE;
}

/** Utilisation at the highest rate, as a share of the slots, or of the players where those are fewer. */
const AIMED_UTILISATION = 0.7;

/**
 * Mean length of sessions with which a rate of arrivals fills the fleet to 70 % (Little's law), so that the run measures
 * the speed of the brokers rather than a fleet that is too small.
 *
 * @param capacity slots, or players where those are fewer
 */
export function sessionMsForUtilisation(capacity: number, ratePerSecond: number): number {
  return Math.round(((AIMED_UTILISATION * capacity) / ratePerSecond) * 1_000);
}
