import { setTimeout as delay } from 'node:timers/promises';
import { BenchPlayer, benchConfig, openBenchHost, startBenchBroker } from './bench-fleet.js';
import { seeded } from './random.js';

/** What broke another system (jitsi/jicofo#1298): 58 of 92 joins landed on one of 11 bridges. */
const JOINS = 92;
const HOSTS = 11;
const BURST_MS = 31_000;
const REPORT_INTERVAL_MS = 10_000;
const SLOTS = 20;

export interface BurstResult {
  readonly hottestOverMean: number;
  readonly joinsPerHost: readonly number[];
  /** How old what hosts had reported was when a player joined, in milliseconds: the mean. */
  readonly reportAgeMs: number;
}

/**
 * Joins within half a minute, while hosts report their load every ten seconds only.
 *
 * @param speed so many times faster than it was, reports and joins alike
 */
export async function measureBurst(speed: number): Promise<BurstResult> {
  const intervalMs = Math.round(REPORT_INTERVAL_MS / speed);
  const limits = `{ heartbeatIntervalMs: ${intervalMs}, suspectAfterMs: ${3 * intervalMs}, lostAfterMs: ${6 * intervalMs} }`;
  const broker = await startBenchBroker(benchConfig(['peak'], { limits }));
  const url = broker.url.replace('http', 'ws');
  const random = seeded(92);
  const lastReportMs = new Map<string, number>();
  const countBefore = new Map<string, number>();
  const hosts = new Map(
    Array.from({ length: HOSTS }, (_, i) => {
      const hostId = `h${i}`;
      const load = (): number => {
        lastReportMs.set(hostId, performance.now());
        // What a report says is what was there at the report before.
        const load = (countBefore.get(hostId) ?? 0) / SLOTS;
        countBefore.set(hostId, hosts.get(hostId)?.sessions().length ?? 0);
        return load;
      };
      return [hostId, openBenchHost({ url, region: 'peak', hostId, slots: SLOTS, load })] as const;
    }),
  );
  await Promise.all([...hosts.values()].map((host) => host.whenRegistered()));
  const players = Array.from({ length: JOINS }, (_, i) => new BenchPlayer(url, `p${i}`, hosts));
  await Promise.all(players.map(({ client }) => client.connect()));
  const ages: number[] = [];
  await Promise.all(
    players.map(async (player) => {
      await delay((random() * BURST_MS) / speed);
      const nowMs = performance.now();
      for (const atMs of lastReportMs.values()) ages.push((nowMs - atMs) * speed + REPORT_INTERVAL_MS);
      await player.play({ peak: 10 });
    }),
  );
  const joinsPerHost = [...hosts.values()].map((host) => host.sessions().length).sort((a, b) => b - a);
  await Promise.all(players.map(({ client }) => client.close()));
  await Promise.all([...hosts.values()].map((host) => host.leave()));
  await broker.stop();
  const mean = JOINS / HOSTS;
  return {
    hottestOverMean: (joinsPerHost[0] ?? 0) / mean,
    joinsPerHost,
    reportAgeMs: ages.reduce((sum, age) => sum + age, 0) / ages.length,
  };
}
