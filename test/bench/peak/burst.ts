import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '@duskline/host';
import { BenchPlayer, benchConfig, openBenchHost, startBenchBroker } from './bench-fleet.js';
import { seeded } from './random.js';

/** The case of jitsi/jicofo#1298, where 58 of 92 joins landed on one of 11 video bridges. */
const JOINS = 92;
const HOSTS = 11;
const BURST_MS = 31_000;
const REPORT_INTERVAL_MS = 10_000;
const SLOTS = 20;

export interface BurstResult {
  /** Sessions of the host with the most, divided by the mean of all hosts. */
  readonly hottestOverMean: number;
  /** Sessions of each host after the burst, the most first. */
  readonly joinsPerHost: readonly number[];
  /** Mean age of the reported loads when a player joined, in milliseconds of the original case. */
  readonly reportAgeMs: number;
}

/**
 * Players join in a burst while the reported load of the hosts is at least one report interval old.
 *
 * @param speed divides all times of the case: 10 runs it in a tenth of the time, with reports ten times as frequent
 */
export async function measureBurst(speed: number): Promise<BurstResult> {
  const intervalMs = Math.round(REPORT_INTERVAL_MS / speed);
  const limits = `{ heartbeatIntervalMs: ${intervalMs}, suspectAfterMs: ${3 * intervalMs}, lostAfterMs: ${6 * intervalMs} }`;
  const broker = await startBenchBroker(benchConfig(['peak'], { limits }));
  const url = broker.url.replace('http', 'ws');
  const lastReportMs = new Map<string, number>();
  const hosts = new Map(
    Array.from({ length: HOSTS }, (_, i) => [`h${i}`, openDelayedHost(url, `h${i}`, lastReportMs)] as const),
  );
  await Promise.all([...hosts.values()].map((host) => host.whenRegistered()));
  const players = Array.from({ length: JOINS }, (_, i) => new BenchPlayer(url, `p${i}`, hosts));
  await Promise.all(players.map(({ client }) => client.connect()));

  const random = seeded(92);
  const ages: number[] = [];
  await Promise.all(
    players.map(async (player) => {
      await delay((random() * BURST_MS) / speed);
      const nowMs = performance.now();
      // A report contains the load of one interval earlier.
      for (const atMs of lastReportMs.values()) ages.push((nowMs - atMs) * speed + REPORT_INTERVAL_MS);
      await player.play({ peak: 10 });
    }),
  );
  const joinsPerHost = [...hosts.values()].map((host) => host.sessions().length).sort((a, b) => b - a);

  await Promise.all(players.map(({ client }) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  await broker.stop();
  return {
    hottestOverMean: (joinsPerHost[0] ?? 0) / (JOINS / HOSTS),
    joinsPerHost,
    reportAgeMs: ages.reduce((sum, age) => sum + age, 0) / ages.length,
  };
}

/**
 * A host that reports the load that it had at its previous report.
 *
 * @param lastReportMs gets the time of each report, by host id
 */
function openDelayedHost(url: string, hostId: string, lastReportMs: Map<string, number>): Host {
  let sessionsAtLastReport = 0;
  const host = openBenchHost({
    url,
    region: 'peak',
    hostId,
    slots: SLOTS,
    load() {
      lastReportMs.set(hostId, performance.now());
      const load = sessionsAtLastReport / SLOTS;
      sessionsAtLastReport = host.sessions().length;
      return load;
    },
  });
  return host;
}
