import type { Device } from '@duskline/protocol';
import { CLIENT_PATH } from '@duskline/protocol/constants';
import { systemClock, systemRandom, type Clock, type Logger, type Random } from '@duskline/sdk-runtime';
import { createBeaconProbe, type Probe } from './latency/beacon-probe.js';
import { defaultLogger } from './runtime/logger.js';
import type { Coordinates } from './latency/nearest-regions.js';
import { createBackoffPolicy, type ReconnectPolicy } from './connection/reconnect-policy.js';
import { browserWakeSignals, type WakeSignals } from './connection/wake-signals.js';
import type { WebSocketConstructor } from './connection/web-socket.js';

/** Returns a player token. Called for each connection attempt for which the SDK has no resume token. */
export type TokenSupplier = () => string | Promise<string>;

export interface ClientOptions {
  /** URLs of brokers, such as `wss://play.example.com`. When a connection fails, the next URL of the list is tried. */
  readonly url: string | readonly string[];
  /** The player's token, or a function that returns one, for tokens that expire. */
  readonly token: string | TokenSupplier;
  /** Kind and abilities of the player's device. */
  readonly device: Device;
  /** Position of the device in degrees. If it is known, the nearest regions are measured, and others only if these give no slot. */
  readonly location?: Coordinates | undefined;
  /** Default: the platform's `WebSocket`. `@duskline/client/node` uses the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Takes one RTT sample of a region. Default: the duration of a `GET` of its `beaconUrl`. */
  readonly probe?: Probe | undefined;
  /** When to connect again. Default: `createBackoffPolicy()`. */
  readonly reconnect?: ReconnectPolicy | undefined;
  /** Time limit for token, socket and `welcome` together, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /** The SDK pings after this time without a message, in milliseconds. Default: the broker's setting, 15000. */
  readonly pingIntervalMs?: number | undefined;
  /**
   * Subscribes to the moments at which the device or application wakes, or its network returns. The SDK then checks the connection
   * at once. Default: in browsers `visibilitychange`, `pageshow` and `online`; elsewhere none, and the SDK notices from its timers
   * that the device slept.
   */
  readonly wakeSignals?: WakeSignals | undefined;
  /** How long a measurement of the regions is reused, in milliseconds. Default 600000, ten minutes. */
  readonly measurementMaxAgeMs?: number | undefined;
  /** Default: writes errors to the console and discards everything else. */
  readonly logger?: Logger | undefined;
  /** Default: the device's clock. Tests replace it. */
  readonly clock?: Clock | undefined;
  /** Spreads the retries of `play`, and makes request ids. Default: the device's. */
  readonly random?: Random | undefined;
}

/** Options whose defaults are filled in by `resolveOptions`. */
type DefaultedOption =
  | 'WebSocket'
  | 'probe'
  | 'reconnect'
  | 'connectTimeoutMs'
  | 'wakeSignals'
  | 'measurementMaxAgeMs'
  | 'logger'
  | 'clock'
  | 'random';

/** The options with every default filled in. */
export type ResolvedOptions = Omit<ClientOptions, DefaultedOption> & {
  readonly [Name in DefaultedOption]-?: NonNullable<ClientOptions[Name]>;
} & { readonly urls: readonly string[] };

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that lists every invalid option
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  const urls = [options.url].flat();
  const problems = [
    ...(urls.length === 0 ? ['"url" is an empty list.'] : []),
    ...urls.filter((url) => !isBrokerUrl(url)).map((url) => `"url": "${url}" is not a ws:// or wss:// URL.`),
    ...(['connectTimeoutMs', 'pingIntervalMs', 'measurementMaxAgeMs'] as const)
      .filter((name) => !((options[name] ?? 0) >= 0))
      .map((name) => `"${name}" is not a number of milliseconds.`),
  ];
  if (WebSocket === undefined) {
    problems.push('This platform has no WebSocket: pass one, or import "@duskline/client/node".');
  }
  if (WebSocket === undefined || problems.length > 0) throw new TypeError(problems.join(' '));
  const clock = options.clock ?? systemClock;
  return {
    ...options,
    urls: urls.map((url) => url.replace(/\/+$/, '') + CLIENT_PATH),
    WebSocket,
    probe: options.probe ?? createBeaconProbe(clock),
    reconnect: options.reconnect ?? createBackoffPolicy(),
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    wakeSignals: options.wakeSignals ?? browserWakeSignals,
    measurementMaxAgeMs: options.measurementMaxAgeMs ?? 600_000,
    logger: options.logger ?? defaultLogger,
    clock,
    random: options.random ?? systemRandom,
  };
}

function isBrokerUrl(url: string): boolean {
  try {
    return /^wss?:$/.test(new URL(url).protocol);
  } catch {
    return false;
  }
}
