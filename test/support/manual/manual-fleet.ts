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

export interface ManualFleetOptions {
  readonly limits?: Partial<Config['limits']>;
  readonly brokers?: number;
  /** How far the clock of each broker is ahead of that of the store. 0 for brokers that are not listed. */
  readonly brokersAheadMs?: readonly number[];
  /** Whether the brokers plan moves. */
  readonly rebalance?: boolean;
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

  private constructor({
    limits = {},
    brokers = 1,
    brokersAheadMs = [],
    rebalance = false,
  }: ManualFleetOptions) {
    const config = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
    this.config = { ...config, limits: { ...config.limits, ...limits } };
    this.store = createMemoryStore({ ...this.config.limits, clock: this.clock });
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

  player(playerId: string, broker = 0): ManualPlayer {
    return new ManualPlayer(this.#broker(broker), playerId);
  }

  /** Connects a host, and waits until it is ready. */
  async host(options: ManualHostOptions, broker = 0): Promise<ManualHost> {
    const host = new ManualHost(this.#broker(broker), this.clock, options);
    this.hosts.push(host);
    await host.register(options);
    await this.clock.elapse(100);
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
      log: { ...failOnError, warn: (_, message) => void this.warnings.push(message) },
      clock,
      random: createSeededRandom(index),
    };
  }

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
