import type { Device } from '@duskline/protocol';
import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Logger } from '@duskline/sdk-runtime';
import { probeBeacon, type Probe } from './latency/beacon-probe.js';
import { systemClock, type Clock } from './runtime/clock.js';
import { defaultLogger } from './runtime/logger.js';
import type { Coordinates } from './latency/nearest-regions.js';
import { createBackoffPolicy, type ReconnectPolicy } from './connection/reconnect-policy.js';
import type { WebSocketConstructor } from './connection/web-socket.js';

/** Gives a player token. Asked for every connection attempt that has no resume token of an earlier one. */
export type TokenSupplier = () => string | Promise<string>;

export interface ClientOptions {
  /** The brokers, such as `wss://play.example.com`. The next one is tried when one fails, in this order. */
  readonly url: string | readonly string[];
  /** The player's token. Give a function when tokens expire: it is asked whenever an attempt needs one. */
  readonly token: string | TokenSupplier;
  /** What the player plays on. */
  readonly device: Device;
  /** Where the device is, in degrees, if known: only the nearest regions are measured then. */
  readonly location?: Coordinates | undefined;
  /** Default: the platform's `WebSocket`. The entry `@duskline/client/node` brings that of `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Takes one RTT sample. Default: a `GET` of the region's `beaconUrl`, timed. */
  readonly probe?: Probe | undefined;
  /** When to connect again. Default: `createBackoffPolicy()`. */
  readonly reconnect?: ReconnectPolicy | undefined;
  /** For token, socket and `welcome` together, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Silence after which the SDK pings, in milliseconds. Default: as the broker says, which is 15000. */
  readonly pingIntervalMs?: number | undefined;
  /** How long a measurement of the regions stays good, in milliseconds. Default 600000, ten minutes. */
  readonly measurementMaxAgeMs?: number | undefined;
  /** Default: errors to the console, nothing else. */
  readonly logger?: Logger | undefined;
  /** Default: the device's own time. For tests. */
  readonly clock?: Clock | undefined;
  /** From 0 up to 1, without 1: spreads the retries of `play`. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Options whose defaults are filled in by `resolveOptions`. */
type DefaultedOption =
  | 'WebSocket'
  | 'probe'
  | 'reconnect'
  | 'connectTimeoutMs'
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
 * @throws TypeError that names every problem: these are mistakes of the program, not of the network
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  const WebSocket = options.WebSocket ?? findPlatformWebSocket();
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
  return {
    ...options,
    urls: urls.map((url) => url.replace(/\/+$/, '') + CLIENT_PATH),
    WebSocket,
    probe: options.probe ?? probeBeacon,
    reconnect: options.reconnect ?? createBackoffPolicy(),
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    measurementMaxAgeMs: options.measurementMaxAgeMs ?? 600_000,
    logger: options.logger ?? defaultLogger,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

function findPlatformWebSocket(): WebSocketConstructor | undefined {
  return (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
}

function isBrokerUrl(url: string): boolean {
  try {
    return /^wss?:$/.test(new URL(url).protocol);
  } catch {
    return false;
  }
}
