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
import { createRoundPlanner } from './broker/rebalance/plan-round.js';
import type { Config } from './config/config.js';
import { createApp } from './http/create-app.js';
import { createMetrics } from './http/metrics.js';
import type { FleetStore } from './store/fleet-store.js';
import { openStore, storeSettingsFrom, type StoreSettings } from './open-store.js';
import { createRebalancerThread } from './rebalancer-thread.js';
import { createPlayerAdmission } from './transport/admit-player.js';
import { createSocketServer, type SocketServer } from './transport/socket-server.js';

export interface DusklineOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Stands before every Redis key; several fleets may share one Redis. `duskline` when absent. */
  readonly keyPrefix?: string;
  /** In place of the store that the configuration names: for several brokers in one process. Its owner closes it. */
  readonly store?: FleetStore;
  /** For tests: shorter intervals than the product's. */
  readonly intervals?: Partial<BrokerIntervals>;
}

/** A running broker. */
export interface Duskline {
  readonly broker: Broker;
  readonly address: AddressInfo;
  /** `http://host:port`, as this machine reaches it. */
  readonly url: string;
  /** Stops in order, each step within its deadline. Later calls get the first one's promise. */
  stop(): Promise<void>;
}

/** No step of a stop takes longer (the sockets have their spread on top): what hangs is left behind. */
const STOP_STEP_DEADLINE_MS = 5_000;

/**
 * The composition root: builds a broker from its configuration and opens its port.
 *
 * @throws StoreUnavailableError when Redis cannot be reached, and the system's error when the port is taken
 */
export async function startDuskline(options: DusklineOptions): Promise<Duskline> {
  const { config, log } = options;
  const seed = storeSettingsFrom(config, options.keyPrefix);
  const store =
    options.store ?? (await openStore(seed, (error) => log.debug({ err: error }, 'Redis connection')));
  const metrics = createMetrics();
  const broker = createBroker({
    catalog: config.catalog,
    limits: config.limits,
    ...(options.intervals === undefined ? {} : { intervals: options.intervals }),
    tiers: config.tiers,
    store,
    tickets: createTicketSigner(config.ticketMasterKey),
    iceServers: createIceServers(config.iceServers),
    ...createRebalancer(options, store, seed),
    rebalanceLimits: config.rebalance.limits,
    observer: metrics.observer,
    log,
  });
  metrics.watchConnections(() => broker.connections);

  const verifier = createTokenVerifier(config.auth);
  const sockets = createSocketServer({
    broker,
    limits: config.limits,
    log,
    admitPlayer: createPlayerAdmission({
      authenticate: createAuthenticator(verifier, 'player'),
      resumeTokens: createResumeTokens(config.ticketMasterKey, { lifetimeMs: config.limits.resumeTokenMs }),
      markTokenUsed: (playerId, tokenId, ttlMs) => store.useToken(playerId, tokenId, ttlMs),
    }),
    authenticateHost: createAuthenticator(verifier, 'host'),
  });
  const app = createApp({
    broker,
    operations: broker.operations,
    metrics,
    log,
    authenticateOperator: (scope) => createOperatorAuthenticator(verifier, scope),
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
  readonly ownsStore: boolean;
  readonly goAwaySpreadMs: number;
}

/** The reverse of the start: sockets first, the store last. */
async function stop({
  broker,
  sockets,
  server,
  store,
  log,
  ownsStore,
  goAwaySpreadMs,
}: RunningParts): Promise<void> {
  broker.drain();
  const steps: [string, () => Promise<void>][] = [
    ['sockets', () => sockets.close()],
    ['http', () => closeServer(server)],
    ['broker', () => broker.stop()],
    ['store', async () => (ownsStore ? store.close() : undefined)],
  ];
  for (const [name, step] of steps) {
    const spreadMs = name === 'sockets' ? goAwaySpreadMs : 0;
    const finished = await endsWithin(STOP_STEP_DEADLINE_MS + spreadMs, step());
    if (!finished) log.warn({ step: name }, 'a step of the stop took too long and was left behind');
  }
  log.info({ brokerId: broker.brokerId }, 'broker stopped');
}

/** Whether the work ended in time. */
async function endsWithin(deadlineMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rounds are planned off the path of matches, unless the fleet is this process's own and small. */
function createRebalancer(
  { config: { catalog, rebalance }, store: givenStore, log }: DusklineOptions,
  store: FleetStore,
  seed: StoreSettings,
): Pick<BrokerOptions, 'rebalancePlanner'> {
  const { enabled, limits } = rebalance;
  if (!enabled) return {};
  const hasOwnThread = givenStore === undefined && seed.redis !== null;
  const planner = hasOwnThread
    ? createRebalancerThread({ store: seed, catalog, limits }, log)
    : createRoundPlanner(store, catalog, limits);
  return { rebalancePlanner: planner };
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

/** An address of all interfaces is reached by the local one. */
function reachableHost({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return family === 'IPv6' ? `[${address}]` : address;
}
