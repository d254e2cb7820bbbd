import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { BrokerObserver } from '../broker/observer.js';

/**
 * Sampling interval of the event loop delay. Each sample wakes the process: with the usual 10 ms, sampling would be a third of
 * the work of an idle broker.
 */
const LOOP_PRECISION_MS = 50;

/** The metrics of one broker. */
export interface Metrics {
  /** Counts the events of the broker. */
  readonly observer: BrokerObserver;
  /** Content type of `text()`. */
  readonly contentType: string;
  /** All metrics in the Prometheus text format. */
  text(): Promise<string>;
  /** Registers the gauges of connections and waiting requests. `read` is called for every scrape. */
  watchConnections(
    read: () => { readonly clients: number; readonly hosts: number; readonly waiting: number },
  ): void;
}

/** Histogram buckets from 0.1 ms to 10 s; a match takes a few milliseconds. */
const MATCH_BUCKETS_S = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Histogram buckets from a second to an hour. */
const WAIT_BUCKETS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/** Creates the metrics of one broker in their own registry, since several brokers may run in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });

  const matches = new Counter({
    name: 'duskline_matches_total',
    help: 'Matched messages in answer to play, repeats included.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const ranks = new Counter({
    name: 'duskline_match_rank_total',
    help: 'Matches by the rank of the region pool among the candidates of the request; 5 stands for 5 and worse.',
    labelNames: ['rank'],
    registers,
  });
  const matchSeconds = new Histogram({
    name: 'duskline_match_seconds',
    help: 'Time from the play message to the matched message, for requests that did not wait in a queue.',
    buckets: MATCH_BUCKETS_S,
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'duskline_queue_wait_seconds',
    help: 'Time from the play message to the matched message, for requests that waited in a queue.',
    buckets: WAIT_BUCKETS_S,
    registers,
  });
  const refusals = new Counter({
    name: 'duskline_refusals_total',
    help: 'Play requests that ended with an error, also CANCELLED, by error code.',
    labelNames: ['code'],
    registers,
  });
  const replaced = new Counter({
    name: 'duskline_replaced_total',
    help: 'Play requests and sessions that another connection or request of their player has now.',
    registers,
  });
  const ended = new Counter({
    name: 'duskline_sessions_ended_total',
    help: 'Sessions that ended, as seen by this broker, by reason.',
    labelNames: ['region', 'pool', 'reason'],
    registers,
  });
  const lost = new Counter({
    name: 'duskline_hosts_lost_total',
    help: 'Hosts that this broker declared lost.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const hostFailures = new Counter({
    name: 'duskline_host_failures_total',
    help: 'Failures for which hosts were excluded from placement for a while, as seen by this broker, by reason.',
    labelNames: ['region', 'pool', 'reason'],
    registers,
  });
  const repaired = new Counter({
    name: 'duskline_counters_repaired_total',
    help: 'Host counters in the store that a recount corrected. More than 0 means a bug: report it.',
    labelNames: ['region', 'pool'],
    registers,
  });
  const moves = new Counter({
    name: 'duskline_moves_total',
    help: 'Moves of sessions to another host that this broker ran, by outcome (moved or failed).',
    labelNames: ['region', 'pool', 'outcome'],
    registers,
  });
  const moveSeconds = new Histogram({
    name: 'duskline_move_seconds',
    help: 'Time from the start of a successful move until the session continues on the target host.',
    buckets: MATCH_BUCKETS_S,
    registers,
  });
  const quarantined = new Counter({
    name: 'duskline_hosts_quarantined_total',
    help: 'Quarantines of hosts whose moves failed repeatedly.',
    registers,
  });
  const storeFailures = new Counter({
    name: 'duskline_store_failures_total',
    help: 'Rounds of background work that failed because the store was unreachable.',
    registers,
  });

  return {
    contentType: registry.contentType,
    // prom-client writes `Nan` for values without samples; the format requires `NaN`.
    text: async () => (await registry.metrics()).replaceAll(/ Nan$/gm, ' NaN'),
    watchConnections(read) {
      new Gauge({
        name: 'duskline_connections',
        help: 'Open connections by channel (client or host).',
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
        help: 'Requests of connected clients that are waiting in queues or have an offer. Each counts once, in however many queues it is.',
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
      requestReplaced: () => replaced.inc(),
      sessionEnded: ({ region, pool }, reason) => ended.inc({ region, pool, reason }),
      hostLost: ({ region, pool }) => lost.inc({ region, pool }),
      hostFailed: ({ region, pool }, reason) => hostFailures.inc({ region, pool, reason }),
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
