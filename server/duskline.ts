import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthenticator, createOperatorAuthenticator } from './auth/authenticators.js';
import { createIceServers } from './auth/ice-servers.js';
import { createResumeTokens } from './auth/resume-tokens.js';
import { createTicketSigner } from './auth/ticket-signer.js';
import { createTokenVerifier } from './auth/token-verifier.js';
import type { Broker, BrokerOptions } from './broker/broker.js';
import { createBroker } from './broker/create-broker.js';
import type { BrokerIntervals } from './broker/intervals.js';
import type { Logger } from './broker/logger.js';
import { createRebalancer } from './broker/rebalance/plan-round.js';
import type { Config } from './config/config.js';
import { createApp } from './http/create-app.js';
import { createMetrics } from './http/metrics.js';
import type { FleetStore } from './store/fleet-store.js';
import { openStore, storeSettingsFrom, type StoreSettings } from './open-store.js';
import { createRebalancerThread } from './rebalancer-thread.js';
import type { Runtime, ServerClock } from './runtime/runtime.js';
import { systemRuntime } from './runtime/system-runtime.js';
import { createPlayerAdmission } from './transport/admit-player.js';
import { createSocketServer, type SocketServer } from './transport/socket-server.js';

/** Options of a broker process. */
export interface DusklineOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Prefix of all Redis keys, so that several fleets can share one Redis. `duskline` when absent. */
  readonly keyPrefix?: string;
  /** Replaces the configured store, for several brokers in one process. The caller closes it. */
  readonly store?: FleetStore;
  /** Replaces intervals of background work, for tests. */
  readonly intervals?: Partial<BrokerIntervals>;
  /** Replaces the clock and random numbers of this machine, for tests. */
  readonly runtime?: Runtime;
}

/** A running broker. */
export interface Duskline {
  readonly broker: Broker;
  readonly address: AddressInfo;
  /** `http://host:port`, as reached from this machine. */
  readonly url: string;
  /** Stops the broker step by step, each with a deadline. Further calls return the same promise. */
  stop(): Promise<void>;
}

/** Deadline of each step of a stop; closing sockets has `goAwaySpreadMs` in addition. A step that takes longer is abandoned. */
const STOP_STEP_DEADLINE_MS = 5_000;

/**
 * Starts a broker: creates all its parts from the configuration (composition root) and opens its port.
 *
 * @throws StoreUnavailableError when Redis cannot be reached; the error of the system when the port is in use
 */
export async function startDuskline(options: DusklineOptions): Promise<Duskline> {
  const { config, log, runtime = systemRuntime } = options;
  const { clock } = runtime;
  const storeSettings = storeSettingsFrom(config, options.keyPrefix);
  const store =
    options.store ??
    (await openStore(storeSettings, runtime, (error) =>
      log.debug({ err: error }, 'a connection to Redis failed'),
    ));
  const metrics = createMetrics();
  const broker = createBroker({
    catalog: config.catalog,
    limits: config.limits,
    ...(options.intervals === undefined ? {} : { intervals: options.intervals }),
    tiers: config.tiers,
    store,
    tickets: createTicketSigner(config.ticketMasterKey),
    iceServers: createIceServers(config.iceServers, clock),
    ...chooseRebalancer(options, store, storeSettings, clock),
    rebalanceLimits: config.rebalance.limits,
    observer: metrics.observer,
    log,
    ...runtime,
  });
  metrics.watchConnections(() => broker.connections);

  const verifier = createTokenVerifier(config.auth, { clock });
  const sockets = createSocketServer({
    broker,
    limits: config.limits,
    log,
    admitPlayer: createPlayerAdmission({
      authenticate: createAuthenticator(verifier, 'player'),
      resumeTokens: createResumeTokens(config.ticketMasterKey, {
        ...runtime,
        lifetimeMs: config.limits.resumeTokenMs,
      }),
      markTokenUsed: (playerId, tokenId, ttlMs) => store.useToken(playerId, tokenId, ttlMs),
    }),
    authenticateHost: createAuthenticator(verifier, 'host'),
    runtime,
  });
  const app = createApp({
    broker,
    operations: broker.operations,
    metrics,
    log,
    authenticateOperator: (scope) => createOperatorAuthenticator(verifier, scope),
    random: runtime.random,
  });
  const server = createServer(app);
  sockets.attach(server);

  try {
    await broker.start();
    await listen(server, config.listen);
  } catch (error) {
    await broker.stop();
    if (options.store === undefined) await store.close();
    throw error;
  }
  const address = server.address() as AddressInfo;
  const url = `http://${reachableHost(address)}:${address.port}`;
  log.info({ brokerId: broker.brokerId, store: store.kind, url }, 'broker is listening');

  let stopping: Promise<void> | undefined;
  return {
    broker,
    address,
    url,
    stop: () =>
      (stopping ??= stop({
        broker,
        sockets,
        server,
        store,
        log,
        clock,
        ownsStore: options.store === undefined,
        goAwaySpreadMs: config.limits.goAwaySpreadMs,
      })),
  };
}

interface RunningParts {
  readonly broker: Broker;
  readonly sockets: SocketServer;
  readonly server: Server;
  readonly store: FleetStore;
  readonly log: Logger;
  readonly clock: ServerClock;
  readonly ownsStore: boolean;
  readonly goAwaySpreadMs: number;
}

/** Stops the parts in the reverse order of their start. */
async function stop({
  broker,
  sockets,
  server,
  store,
  log,
  clock,
  ownsStore,
  goAwaySpreadMs,
}: RunningParts): Promise<void> {
  broker.prepareStop();
  const steps: [string, () => Promise<void>][] = [
    ['sockets', () => sockets.close()],
    ['http', () => closeServer(server)],
    ['broker', () => broker.stop()],
    ['store', async () => (ownsStore ? store.close() : undefined)],
  ];
  for (const [name, step] of steps) {
    const spreadMs = name === 'sockets' ? goAwaySpreadMs : 0;
    const finished = await settlesWithin(clock, STOP_STEP_DEADLINE_MS + spreadMs, step());
    if (!finished) log.warn({ step: name }, 'stop step exceeded its deadline and was abandoned');
  }
  log.info({ brokerId: broker.brokerId }, 'broker stopped');
}

/** Whether the work settled within the deadline. */
async function settlesWithin(clock: ServerClock, deadlineMs: number, work: Promise<void>): Promise<boolean> {
  let cancelTimer: (() => void) | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    cancelTimer = clock.setTimer(() => resolve(false), deadlineMs);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    cancelTimer?.();
  }
}

/** With Redis, rebalancing is planned in a worker thread, so that it does not delay matches. With the memory store it runs here. */
function chooseRebalancer(
  { config: { catalog, rebalance }, store: givenStore, log }: DusklineOptions,
  store: FleetStore,
  storeSettings: StoreSettings,
  clock: ServerClock,
): Pick<BrokerOptions, 'rebalancer'> {
  const { enabled, limits } = rebalance;
  if (!enabled) return {};
  const hasOwnThread = givenStore === undefined && storeSettings.redis !== null;
  const rebalancer = hasOwnThread
    ? createRebalancerThread({ store: storeSettings, catalog, limits }, log, clock)
    : createRebalancer(store, catalog, limits, clock);
  return { rebalancer };
}

function listen(server: Server, { host, port }: Config['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Host part of the URL. A server on all interfaces is reached at the loopback address. */
function reachableHost({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return family === 'IPv6' ? `[${address}]` : address;
}
