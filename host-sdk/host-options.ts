import {
  Register,
  type EndReason,
  type HostLoad,
  type SessionLimits,
  type StreamSettings,
} from '@duskline/protocol';
import { HOST_PATH } from '@duskline/protocol/constants';
import { silentLogger, type Logger } from '@duskline/sdk-runtime';
import { Compile } from 'typebox/compile';
import type { Checkpoint } from './sessions/checkpoint.js';
import { systemClock, type HostClock } from './runtime/clock.js';
import type { HostedSession } from './sessions/hosted-session.js';
import { createBackoffPolicy, type ReconnectPolicy } from './connection/reconnect-policy.js';

/** A reservation the broker made: its client is on the way. */
export interface PreparedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly title: string;
  readonly playerId: string;
  readonly stream: StreamSettings;
  /** The reservation expires when no ticket was shown by then, counted from this moment. */
  readonly claimWithinMs: number;
  /** What the SDK holds the session to; nothing when absent. */
  readonly limits?: SessionLimits;
}

/** A session that is over here by another's doing: the application stops its stream, or frees what it prepared. */
export interface EndedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
}

export interface HostOptions {
  /** Base URL of the broker (`wss://…` or `https://…`), or several, tried in turn. */
  readonly url: string | readonly string[];
  /** The host token, or what supplies one: then called before each attempt to connect. */
  readonly token: string | (() => string | Promise<string>);
  /** Lower-case letters, digits and hyphens; unique inside region and pool. */
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  /** How many sessions the host can stream at once, 1 to 512. */
  readonly slots: number;
  /** Where clients connect for the stream: a URL, passed to them as it is. */
  readonly endpoint: string;
  /**
   * Measures the host, each share from 0 (idle) to 1 (all in use) and above; called once per heartbeat.
   * `null` leaves this heartbeat out. When it throws, or a share is no number, the last measurement is said
   * again; a host that has never measured anything says it is full.
   */
  readonly measureLoad: () => HostLoad | null;
  /**
   * May refuse a reservation with `false`; one that throws or rejects refuses too. The broker is told that
   * the session ended with `error`. A client that is admitted before a slow answer is sent away by a refusal.
   * Default: accepts all.
   */
  readonly onPrepare?: (session: PreparedSession) => boolean | Promise<boolean>;
  /**
   * Hands the state of a session over, which moves to another host. Hold the session still before the first `await`:
   * what the player does from then on would be lost. It goes on with the event `resume`, when the move comes to
   * nothing, or is over with `end`, reason `superseded`. The stream stays until then. To refuse, throw or reject;
   * the text of a `CannotMoveError` is told to the broker. Default: no session ever moves away.
   */
  readonly onCheckpoint?: (session: HostedSession) => Checkpoint | Promise<Checkpoint>;
  /**
   * Takes a session up that moves here, from what `onCheckpoint` of the other host gave. `false` refuses it, and so
   * does throwing or rejecting. Its client comes afterwards, and the session begins with the event `moved`.
   * `onPrepare` is not asked. Default: no session ever moves here.
   */
  readonly onRestore?: (
    session: PreparedSession,
    checkpoint: Checkpoint,
  ) => boolean | undefined | Promise<boolean | undefined>;
  /**
   * Whether every session may move at any time while it is connected; else none, until `HostedSession.setMovable`
   * says so. Needs `onCheckpoint`. Default false.
   */
  readonly movable?: boolean;
  /** Default: exponential with full jitter, the first within 0.5 s, at most 15 s, never giving up. */
  readonly reconnectPolicy?: ReconnectPolicy;
  /** How long connecting and registering may take together, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** How much later than its expiry a ticket is still good, in milliseconds. Default 0: clocks are in step. */
  readonly ticketToleranceMs?: number;
  /** Default: none. Never given tokens, keys or tickets. */
  readonly logger?: Logger;
  /** Default: the computer's. */
  readonly clock?: HostClock;
}

/** The options with every default filled in. */
export interface HostSettings {
  readonly urls: readonly string[];
  readonly token: () => string | Promise<string>;
  /** Whether the next attempt brings another token. */
  readonly tokenIsRenewable: boolean;
  readonly identity: Pick<Register, 'hostId' | 'region' | 'pool' | 'slots' | 'endpoint' | 'sdk'>;
  readonly measureLoad: () => HostLoad | null;
  readonly onPrepare: (session: PreparedSession) => boolean | Promise<boolean>;
  readonly onCheckpoint: HostOptions['onCheckpoint'];
  readonly onRestore: HostOptions['onRestore'];
  readonly movable: boolean;
  readonly reconnectPolicy: ReconnectPolicy;
  readonly connectTimeoutMs: number;
  readonly ticketToleranceMs: number;
  readonly logger: Logger;
  readonly clock: HostClock;
}

const SDK = 'duskline-host/0.1.0';
const registerValidator = Compile(Register);

/** Checks the options. Throws a TypeError that names the first bad one. */
export function resolveOptions(options: HostOptions): HostSettings {
  const { hostId, region, pool, slots, endpoint, token, movable = false } = options;
  const identity = { hostId, region, pool, slots, endpoint, sdk: SDK };
  const [fault] = registerValidator.Errors({ type: 'register', ...identity, sessions: [] });
  if (fault !== undefined) {
    throw new TypeError(`Host option ${fault.instancePath.slice(1)}: ${fault.message}.`);
  }
  const urls = (typeof options.url === 'string' ? [options.url] : options.url).map(resolveUrl);
  if (urls.length === 0) throw new TypeError('Host option url: at least one broker is needed.');
  if (movable && options.onCheckpoint === undefined) {
    throw new TypeError('Host option movable: needs onCheckpoint, which hands the state over.');
  }
  return {
    urls,
    token: typeof token === 'string' ? () => token : token,
    tokenIsRenewable: typeof token !== 'string',
    identity,
    measureLoad: options.measureLoad,
    onPrepare: options.onPrepare ?? (() => true),
    onCheckpoint: options.onCheckpoint,
    onRestore: options.onRestore,
    movable,
    reconnectPolicy: options.reconnectPolicy ?? createBackoffPolicy(),
    connectTimeoutMs: checkDuration('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    ticketToleranceMs: checkDuration('ticketToleranceMs', options.ticketToleranceMs ?? 0),
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  };
}

function resolveUrl(base: string): string {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined || !/^(ws|http)s?:$/.test(url.protocol)) {
    throw new TypeError('Host option url: each broker is a ws://, wss://, http:// or https:// URL.');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError('Host option url: a broker URL has no user, password or fragment.');
  }
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = url.pathname.replace(/\/+$/, '') + HOST_PATH;
  return url.href;
}

function checkDuration(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new TypeError(`Host option ${name}: milliseconds, 0 or more.`);
}
