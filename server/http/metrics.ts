import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { BrokerObserver } from '../broker/observer.js';

/** Every look at the event loop wakes the process: a hundred a second, as is usual, are a third of what an idle broker does. */
const LOOP_PRECISION_MS = 50;

export interface Metrics {
  readonly observer: BrokerObserver;
  readonly contentType: string;
  /** All metrics in the Prometheus text format. */
  text(): Promise<string>;
  /** Reads the gauges' values when they are asked for. */
  watchConnections(
    read: () => { readonly clients: number; readonly hosts: number; readonly waiting: number },
  ): void;
}

/** From a tenth of a millisecond to ten seconds; a match takes a few milliseconds. */
const MATCH_BUCKETS_S = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** From a second to an hour. */
const WAIT_BUCKETS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/** Metrics of one broker, in a registry of their own: several brokers may live in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });

  const matches = new Counter({
    name: 'duskline_matches_total',
    help: 'Placements that got a slot.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const ranks = new Counter({
    name: 'duskline_match_rank_total',
    help: 'Matches by preference rank; 5 stands for all worse ones.',
    labelNames: ['rank'],
    registers,
  });
  const matchSeconds = new Histogram({
    name: 'duskline_match_seconds',
    help: 'From the play frame to the matched frame of requests that did not wait.',
    buckets: MATCH_BUCKETS_S,
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'duskline_queue_wait_seconds',
    help: 'From the play frame to the matched frame of requests that waited in a queue.',
    buckets: WAIT_BUCKETS_S,
    registers,
  });
  const refusals = new Counter({
    name: 'duskline_refusals_total',
    help: 'Placements that were refused, by error code.',
    labelNames: ['code'],
    registers,
  });
  const ended = new Counter({
    name: 'duskline_sessions_ended_total',
    help: 'Sessions that this broker ended or saw end, by reason.',
    labelNames: ['region', 'pool', 'reason'],
    registers,
  });
  const lost = new Counter({
    name: 'duskline_hosts_lost_total',
    help: 'Hosts that this broker declared lost.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const repaired = new Counter({
    name: 'duskline_counters_repaired_total',
    help: 'Host counters that a recount found wrong. Anything but 0 is a fault worth reporting.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const moves = new Counter({
    name: 'duskline_moves_total',
    help: 'Sessions that this broker moved, or failed to move, to another host while they were played.',
    labelNames: ['region', 'pool', 'outcome'],
    registers,
  });
  const moveSeconds = new Histogram({
    name: 'duskline_move_seconds',
    help: 'From the order to move a session to its arrival on the new host.',
    buckets: MATCH_BUCKETS_S,
    registers,
  });
  const quarantined = new Counter({
    name: 'duskline_hosts_quarantined_total',
    help: 'Times that a host was left out of moves because it failed them.',
    registers,
  });
  const storeFailures = new Counter({
    name: 'duskline_store_failures_total',
    help: 'Rounds of recurring work that the store did not answer.',
    registers,
  });

  return {
    contentType: registry.contentType,
    // Where nothing was seen yet prom-client writes `Nan`, and the format `NaN`.
    text: async () => (await registry.metrics()).replaceAll(/ Nan$/gm, ' NaN'),
    watchConnections(read) {
      new Gauge({
        name: 'duskline_connections',
        help: 'Open connections by channel.',
        labelNames: ['channel'],
        registers,
        collect() {
          const { clients, hosts } = read();
          this.set({ channel: 'client' }, clients);
          this.set({ channel: 'host' }, hosts);
        },
      });
      new Gauge({
        name: 'duskline_waiting_requests',
        help: 'Requests of connected clients that wait in queues.',
        registers,
        collect() {
          this.set(read().waiting);
        },
      });
    },
    observer: {
      requestMatched({ region, pool }, rank, tookMs, waited) {
        matches.inc({ region, pool });
        ranks.inc({ rank: String(Math.min(rank, 5)) });
        (waited ? waitSeconds : matchSeconds).observe(tookMs / 1000);
      },
      requestRefused: (code) => refusals.inc({ code }),
      sessionEnded: ({ region, pool }, reason) => ended.inc({ region, pool, reason }),
      hostLost: ({ region, pool }) => lost.inc({ region, pool }),
      countersRepaired: ({ region, pool }, hosts) => repaired.inc({ region, pool }, hosts),
      moveEnded({ region, pool }, outcome, tookMs) {
        moves.inc({ region, pool, outcome });
        if (outcome === 'moved') moveSeconds.observe(tookMs / 1000);
      },
      hostQuarantined: () => quarantined.inc(),
      storeFailed: () => storeFailures.inc(),
    },
  };
}
