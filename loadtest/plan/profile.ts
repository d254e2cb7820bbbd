import { PEAK_SHARE, demandShare } from './demand.js';

/** How arrivals spread over time. */
export const PROFILES = ['steady', 'evening', 'storm', 'step'] as const;
export type Profile = (typeof PROFILES)[number];

/** A stretch of a run with one way of arriving. Times count from the moment that it begins. */
export type Phase =
  | {
      readonly kind: 'arrivals';
      readonly index: number;
      readonly durationMs: number;
      /** Arrivals a second, at the most. */
      readonly ratePerSecond: number;
      /** The rate follows a day, midnight to midnight, that is scaled to the duration; else it is even. */
      readonly curve: 'even' | 'day';
      /** Mean length of sessions. */
      readonly sessionMs: number;
    }
  /** Every player connects and asks in the same instant. */
  | {
      readonly kind: 'storm';
      readonly index: number;
      readonly durationMs: number;
      readonly sessionMs: number;
    };

const HOURS = 24;

/** Share of the highest rate, 0 to 1, at a moment of a day that is scaled to `durationMs`. */
export function dailyRateShare(atMs: number, durationMs: number): number {
  return demandShare(((atMs / durationMs) * HOURS) % HOURS) / PEAK_SHARE;
}

/** What share of its slots, or of the players, a fleet is meant to be in use by at the highest rate. */
const AIMED_UTILISATION = 0.7;

/**
 * Mean length of sessions with which a rate of arrivals fills the fleet to seven tenths (Little's law), so that what is
 * measured is the brokers' speed and not a fleet that is too small.
 *
 * @param capacity slots, or players where those are fewer
 */
export function sessionMsForUtilisation(capacity: number, ratePerSecond: number): number {
  return Math.round(((AIMED_UTILISATION * capacity) / ratePerSecond) * 1_000);
}
