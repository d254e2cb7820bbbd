import { createTicketSigner } from '@duskline/server/auth/ticket-signer.js';
import type { Broker, BrokerOptions } from '@duskline/server/broker/broker.js';
import { createBroker } from '@duskline/server/broker/create-broker.js';
import type { BrokerObserver } from '@duskline/server/broker/observer.js';
import { createRebalancer } from '@duskline/server/broker/rebalance/plan-round.js';
import type { Config } from '@duskline/server/config/config.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import type { ServerClock } from '@duskline/server/runtime/runtime.js';
import { createMemoryStore, type MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { TEST_CONFIG, TEST_ENV, failOnError } from '../fleet/test-broker.js';
import { aheadOf } from '../time/clock-ahead.js';
import { ManualClock } from '../time/manual-clock.js';
import { createSeededRandom } from '../time/seeded-random.js';
import { ManualHost, ManualPlayer, type ManualHostOptions } from './manual-peers.js';
import type { Frame } from './recording-channel.js';

export interface ManualFleetOptions {
  readonly limits?: Partial<Config['limits']>;
  readonly brokers?: number;
  /** How far the clock of each broker is ahead of that of the store. 0 for brokers that are not listed. */
  readonly brokersAheadMs?: readonly number[];
  /** Whether the brokers plan moves. */
  readonly rebalance?: boolean;
  /** Changes calls of the store before the brokers get it. */
  readonly changeStore?: (store: MemoryStore, clock: ManualClock) => void;
  /** Called for each error that a broker logs, and each message that a broker failed to handle. When absent these fail the test run. */
  readonly onError?: (error: unknown) => void;
}

/** What the brokers of a fleet reported to their metrics: names of events, in order. */
type Observed = keyof BrokerObserver;

/**
 * Brokers, their store, hosts and players on a clock that a test moves. Nothing waits for real time: there are no sockets, and
 * the store is in memory.
 */
export class ManualFleet {
  readonly clock = new ManualClock();
  readonly config: Config;
  readonly store: MemoryStore;
  readonly brokers: readonly Broker[];
  readonly hosts: ManualHost[] = [];
  readonly observed: Observed[] = [];
  readonly warnings: string[] = [];
  readonly #onError: ManualFleetOptions['onError'];

  private constructor({
    limits = {},
    brokers = 1,
    brokersAheadMs = [],
    rebalance = false,
    changeStore = () => undefined,
    onError,
  }: ManualFleetOptions) {
    this.#onError = onError;
    const config = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
    this.config = { ...config, limits: { ...config.limits, ...limits } };
    this.store = createMemoryStore({ ...this.config.limits, clock: this.clock });
    changeStore(this.store, this.clock);
    this.brokers = Array.from({ length: brokers }, (_, i) =>
      createBroker(this.#optionsOf(i, aheadOf(this.clock, brokersAheadMs[i] ?? 0), rebalance)),
    );
  }

  /** Starts the brokers. The first round of their background work is over when it resolves. */
  static async start(options: ManualFleetOptions = {}): Promise<ManualFleet> {
    const fleet = new ManualFleet(options);
    const started = Promise.all(fleet.brokers.map((broker) => broker.start()));
    await fleet.clock.settle();
    await started;
    await fleet.clock.settle();
    return fleet;
  }

  async stop(): Promise<void> {
    const stopped = Promise.all(this.brokers.map((broker) => broker.stop()));
    await this.clock.settle();
    await stopped;
  }

  /** @param onFrame called with each frame that the player receives */
  player(playerId: string, broker = 0, onFrame?: (frame: Frame) => void): ManualPlayer {
    return new ManualPlayer(this.#broker(broker), playerId, { onFrame, onFailure: this.#onError });
  }

  /** Connects a host, and waits until it is ready. */
  async host(options: ManualHostOptions, broker = 0): Promise<ManualHost> {
    const host = this.createHost(options, broker);
    await host.register(options);
    await this.clock.elapse(100);
    return host;
  }

  /** A host whose connection is open, and that has not sent `register`. */
  createHost(options: ManualHostOptions, broker = 0): ManualHost {
    const host = new ManualHost(this.#broker(broker), this.clock, options, this.#onError);
    this.hosts.push(host);
    return host;
  }

  #broker(index: number): Broker {
    const broker = this.brokers[index];
    if (broker === undefined) throw new RangeError(`The fleet has no broker ${index}.`);
    return broker;
  }

  #optionsOf(index: number, clock: ServerClock, rebalance: boolean): BrokerOptions {
    const { catalog, limits, tiers, rebalance: rebalancing, ticketMasterKey } = this.config;
    return {
      brokerId: `b${index}`,
      catalog,
      limits,
      tiers,
      store: this.store,
      tickets: createTicketSigner(ticketMasterKey),
      iceServers: () => [],
      ...(rebalance ? { rebalancer: createRebalancer(this.store, catalog, rebalancing.limits, clock) } : {}),
      rebalanceLimits: rebalancing.limits,
      observer: this.#observer(),
      log: {
        ...failOnError,
        ...(this.#onError === undefined ? {} : { error: this.#logError }),
        warn: (_, message) => void this.warnings.push(message),
      },
      clock,
      random: createSeededRandom(index),
    };
  }

  readonly #logError = (fields: { readonly err?: unknown }, message: string): void =>
    this.#onError?.(fields.err ?? new Error(message));

  #observer(): BrokerObserver {
    const note = (name: Observed) => (): void => void this.observed.push(name);
    return {
      requestMatched: note('requestMatched'),
      requestRefused: note('requestRefused'),
      requestReplaced: note('requestReplaced'),
      sessionEnded: note('sessionEnded'),
      hostLost: note('hostLost'),
      hostFailed: note('hostFailed'),
      countersRepaired: note('countersRepaired'),
      moveEnded: note('moveEnded'),
      hostQuarantined: note('hostQuarantined'),
      storeFailed: note('storeFailed'),
    };
  }
}
