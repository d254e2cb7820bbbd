import { Register, type HostLoad } from '@duskline/protocol';
import { HOST_PATH } from '@duskline/protocol/constants';
import { type Clock, type Logger, silentLogger, systemClock } from '@duskline/sdk-runtime';
import { Compile } from 'typebox/compile';
import type { Checkpoint } from './sessions/checkpoint.js';
import type { HostedSession } from './sessions/hosted-session.js';
import type { PreparedSession } from './sessions/session-record.js';
import { createBackoffPolicy, type ReconnectPolicy } from './connection/reconnect-policy.js';

export interface HostOptions {
  /** Base URL of a broker (`wss://…` or `https://…`), or a list of them. Each attempt uses the next one. */
  readonly url: string | readonly string[];
  /** The host token, or a function that returns one. It is called before each connection attempt. */
  readonly token: string | (() => string | Promise<string>);
  /** Lower-case letters, digits and hyphens. Unique within region and pool. */
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  /** How many sessions the host can stream at the same time, 1 to 512. */
  readonly slots: number;
  /** URL to which clients connect for the stream. Brokers pass it on unchanged. */
  readonly endpoint: string;
  /**
   * Measures the load of the host: shares from 0 (idle) to 1 (fully used), or more if overloaded. Called once per heartbeat. `null`
   * skips the heartbeat. If it throws, or a share is not a number, the last measurement is sent again; before the first
   * measurement the host reports that it is full.
   */
  readonly measureLoad: () => HostLoad | null;
  /**
   * Accepts or refuses a reservation. `false`, or throwing or rejecting, refuses it: the session ends with `error`, also if its
   * client was admitted before a slow answer. Default: accepts all.
   */
  readonly onPrepare?: (session: PreparedSession) => boolean | Promise<boolean>;
  /**
   * Returns the state of a session that is to move to another host. Pause the game before the first `await`, because input after
   * that would be lost, and keep the stream open. The event `resume` follows if the move fails, or `end` with the reason
   * `superseded` if it succeeds. To refuse the move, throw or reject; the message of a `CannotMoveError` is sent to the broker.
   * Default: no session moves away.
   */
  readonly onCheckpoint?: (session: HostedSession) => Checkpoint | Promise<Checkpoint>;
  /**
   * Restores a session that moves to this host from the checkpoint of its source host. `false`, or throwing or rejecting, refuses
   * the move. The broker waits as long as its configuration says, 10 s by default. A session that is not restored by then is
   * dropped, with the event `end` and the reason `move_failed`. The client connects afterwards, and the game starts at the event
   * `moved`. `onPrepare` is not called for the session. Default: no session moves here.
   */
  readonly onRestore?: (
    session: PreparedSession,
    checkpoint: Checkpoint,
  ) => boolean | undefined | Promise<boolean | undefined>;
  /**
   * Whether sessions may move while they are connected, unless `HostedSession.setMovable` says otherwise. `true` needs
   * `onCheckpoint`. Default false.
   */
  readonly movable?: boolean;
  /** When to reconnect. Default: `createBackoffPolicy()`. */
  readonly reconnectPolicy?: ReconnectPolicy;
  /** Time limit for connecting and registering together, in milliseconds. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** How long after its expiry a ticket is still accepted, in milliseconds, for clocks that differ. Default 0. */
  readonly ticketToleranceMs?: number;
  /** Default: no log. Entries never contain tokens, keys or tickets. */
  readonly logger?: Logger;
  /** Default: the computer's clock. Tests replace it. */
  readonly clock?: Clock;
}

/** The options with every default filled in. */
export interface HostSettings {
  readonly urls: readonly string[];
  readonly token: () => string | Promise<string>;
  /** Whether the next attempt can get another token. */
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
  readonly clock: Clock;
}

const SDK = 'duskline-host/0.1.0';
const registerValidator = Compile(Register);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names the first invalid option
 */
export function resolveOptions(options: HostOptions): HostSettings {
  const { hostId, region, pool, slots, endpoint, token, movable = false } = options;
  const identity = { hostId, region, pool, slots, endpoint, sdk: SDK };
  const [fault] = registerValidator.Errors({ type: 'register', ...identity, sessions: [] });
  if (fault !== undefined) {
    throw new TypeError(`Host option ${fault.instancePath.slice(1)}: ${fault.message}.`);
  }
  const urls = (typeof options.url === 'string' ? [options.url] : options.url).map(resolveUrl);
  if (urls.length === 0) throw new TypeError('Host option url: name at least one broker.');
  if (movable && options.onCheckpoint === undefined) {
    throw new TypeError(
      'Host option movable: needs the option onCheckpoint, which returns the state of a session.',
    );
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
    throw new TypeError('Host option url: each broker must be a ws://, wss://, http:// or https:// URL.');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError('Host option url: a broker URL must not have a user, password or fragment.');
  }
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = url.pathname.replace(/\/+$/, '') + HOST_PATH;
  return url.href;
}

function checkDuration(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new TypeError(`Host option ${name}: must be a number of milliseconds, 0 or more.`);
}
