import type { Device } from '@duskline/protocol';
import type { Assertion } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { PlannedFault } from '../plan/faults.js';
import type { Profile } from '../plan/profile.js';

/** Signs tokens of one fleet. */
export interface TokenSigner {
  player(playerId: string): string;
  host(region: string, pool: string): string;
  operator(): string;
}

/** Brokers of the run's own. */
export interface SpawnTarget {
  readonly kind: 'spawn';
  readonly brokers: number;
  /** Where they keep their state. Default: a Redis of the run's own. */
  readonly redisUrl?: string;
  /** What starts a broker, before its own arguments: `node duskline.js serve`. */
  readonly command: readonly string[];
  readonly regions: number;
  /** Keys of the section `limits` of their configuration. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Signs with the secret that they are given. */
  readonly createSigner: (secret: string) => TokenSigner;
}

/** Brokers that run already. */
export interface UrlTarget {
  readonly kind: 'url';
  readonly urls: readonly string[];
  readonly title: string;
  /** In which hosts of the run stand; needed when it plays any. */
  readonly pool?: string;
  /** With the fleet's secret; absent when only players' tokens are at hand. */
  readonly tokens?: TokenSigner;
  /** Tokens of as many players. */
  readonly playerTokens?: readonly string[];
}

export interface RunOptions {
  readonly target: SpawnTarget | UrlTarget;
  readonly driver: Driver;
  readonly workers: number;
  readonly profile: Profile;
  /** Arrivals a second: the even rate, the evening's highest, or the first step's. */
  readonly ratePerSecond: number;
  /** Of the whole load; of each level, where it goes up in steps. */
  readonly durationMs: number;
  readonly clients: number;
  readonly hosts: number;
  readonly slots: number;
  /** Mean length of sessions. Default: as fills the fleet to seven tenths. */
  readonly sessionMs?: number;
  /** Connections a second before the load begins. */
  readonly connectPerSecond: number;
  readonly device: Device;
  /** Share of the players, 0 to 1, who follow when their session moves to another host. Default: all. */
  readonly movableShare?: number;
  readonly faults: readonly PlannedFault[];
  readonly seed: number;
  /** A level of a stepped load holds while p99 of match is no more. */
  readonly saturationP99Ms: number;
  readonly assertions: readonly Assertion[];
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the load before its time; what was measured is reported. */
  readonly signal?: AbortSignal;
}

/** How things are, a few times a second. */
export interface Progress {
  /** What happens now, in a few words. */
  readonly stage: string;
  /** How far the load is, 0 to 1; absent before and after. */
  readonly share?: number;
  readonly leftMs?: number;
  readonly connected: number;
  readonly clients: number;
  /** In the last second. */
  readonly offeredPerSecond: number;
  readonly matchedPerSecond: number;
  /** Of matches that were told in the last second. */
  readonly p99Ms: number | undefined;
  readonly playing: number;
  readonly waiting: number;
  readonly refused: number;
  readonly unanswered: number;
}
