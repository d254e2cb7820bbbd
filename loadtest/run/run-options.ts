import type { Device } from '@duskline/protocol';
import type { Assertion } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { PlannedFault } from '../plan/faults.js';
import type { Profile } from '../plan/profile.js';

/** Signs tokens that the brokers of the run accept. */
export interface TokenSigner {
  player(playerId: string): string;
  host(region: string, pool: string): string;
  operator(): string;
}

/** Brokers that the run starts. */
export interface SpawnedSystem {
  readonly kind: 'spawn';
  readonly brokers: number;
  /** The Redis in which the brokers keep their state. Default: the run starts one. */
  readonly redisUrl?: string;
  /** The command that starts a broker, to which its options are appended: `node duskline.js serve`. */
  readonly command: readonly string[];
  readonly regions: number;
  /** Keys of the section `limits` of the brokers' configuration. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Creates the signer for the secret that the brokers get. */
  readonly createSigner: (secret: string) => TokenSigner;
}

/** Brokers that run already. */
export interface RunningSystem {
  readonly kind: 'url';
  readonly urls: readonly string[];
  readonly title: string;
  /** The pool of the hosts that the run simulates; required when `hosts` is more than 0. */
  readonly pool?: string;
  /** Absent when the secret of the brokers is not known: then `playerTokens` are required. */
  readonly tokens?: TokenSigner;
  /** One token for each player. */
  readonly playerTokens?: readonly string[];
}

export interface RunOptions {
  readonly system: SpawnedSystem | RunningSystem;
  readonly driver: Driver;
  readonly workers: number;
  readonly profile: Profile;
  /** Arrivals a second: the constant rate, the highest rate of the evening, or the rate of the first step. */
  readonly ratePerSecond: number;
  /** Length of the load; with steps, of each step. */
  readonly durationMs: number;
  readonly clients: number;
  readonly hosts: number;
  readonly slots: number;
  /** Mean length of sessions. Default: so that the fleet fills to 70 %. */
  readonly sessionMs?: number;
  /** New connections a second, before the load begins. */
  readonly connectPerSecond: number;
  readonly device: Device;
  /** Share of the players, 0 to 1, that follow their session when it moves to another host. Default: 1. */
  readonly movableShare?: number;
  readonly faults: readonly PlannedFault[];
  readonly seed: number;
  /** A level of a stepped load holds while p99 of the time to match is at most this. */
  readonly saturationP99Ms: number;
  readonly assertions: readonly Assertion[];
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the load early. The run still reports what it measured. */
  readonly signal?: AbortSignal;
}

/** The state of a run, reported a few times a second. */
export interface Progress {
  /** The stage of the run, for people. */
  readonly stage: string;
  /** Elapsed share of the load, 0 to 1; absent before and after the load. */
  readonly share?: number;
  readonly leftMs?: number;
  readonly connected: number;
  readonly clients: number;
  /** Rates of the last second. */
  readonly offeredPerSecond: number;
  readonly matchedPerSecond: number;
  /** p99 of the time to match, of matches in the last second; `undefined` without any. */
  readonly p99Ms: number | undefined;
  readonly playing: number;
  readonly waiting: number;
  readonly refused: number;
  readonly unanswered: number;
}
