import { parentPort, workerData } from 'node:worker_threads';
import { createSeededRandom, deriveSeed } from '@duskline/host/simulated';
import { monotonicMs } from '../clock.js';
import { PlayerPopulation } from '../players/player-population.js';
import { HostCallRouter, type LoadHost } from '../hosts/host-call-router.js';
import { LeanHost } from '../hosts/lean-host.js';
import { LeanPlayer } from '../players/lean-player.js';
import type { PlayerContext } from '../players/load-player.js';
import type { HostPlan, WorkerOrder, WorkerPlan, WorkerReport } from '../worker-messages.js';
import { SdkHost } from '../hosts/sdk-host.js';
import { SdkPlayer } from '../players/sdk-player.js';
import { WorkerMetrics } from '../worker-metrics.js';
import { TimerWheel } from '../timer-wheel.js';

/** Time between two ticks to the main thread, in milliseconds. */
const TICK_MS = 100;

/** A broker at its lowest admission rate admits so many clients in 2.5 seconds. */
const CONNECTING_PER_BROKER = 100;

/** How many hosts connect at the same time. */
const HOSTS_AT_ONCE = 50;

// The players and hosts of one thread: they follow the orders of the main thread, and report to it in ticks.
const plan = workerData as WorkerPlan;
const port = parentPort;
if (port === null) throw new Error('This file runs in a worker thread.');

const send = (report: WorkerReport): void => port.postMessage(report);
const random = createSeededRandom(deriveSeed(`${plan.seed}/${plan.index}`));
const metrics = new WorkerMetrics();
const wheel = new TimerWheel(monotonicMs());
const hostCalls = new HostCallRouter(plan.index, plan.hostOwners, {
  sendCalls: (calls) => send({ type: 'host-calls', calls }),
  sendReplies: (to, replies) => send({ type: 'host-replies', to, replies }),
});
const maxConnecting = Math.ceil((CONNECTING_PER_BROKER * plan.urls.length) / plan.workers);
const population = new PlayerPopulation({
  metrics,
  wheel,
  hostCalls,
  random,
  shareOfRate: 1 / plan.workers,
  maxConnecting,
});
const context: PlayerContext = {
  runId: plan.runId,
  urls: plan.urls,
  title: plan.title,
  device: plan.device,
  ...{ metrics, wheel, hostCalls, random },
  setFree: (player, isFree) => population.setFree(player, isFree),
};

const Player = plan.driver === 'sdk' ? SdkPlayer : LeanPlayer;
const Host = plan.driver === 'sdk' ? SdkHost : LeanHost;
for (const [i, { home, ...player }] of plan.players.entries()) {
  population.players.push(
    new Player(context, { ...player, rtt: plan.rtts[home] ?? {}, firstUrlIndex: i + plan.index }),
  );
}

const wheelTimer = setInterval(() => wheel.advance(monotonicMs()), 1);
const tickTimer = setInterval(sendTick, TICK_MS);

function sendTick(): void {
  const { events, samples } = metrics.takeNew();
  send({
    type: 'tick',
    atMs: monotonicMs(),
    events,
    samples,
    counts: metrics.counts,
    gauges: population.readGauges(),
  });
}

async function openHosts(): Promise<void> {
  const failed: string[] = [];
  const waiting = [...plan.hosts.entries()];
  const openNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await openHost(...next).catch(
        (error: unknown) => void failed.push(error instanceof Error ? error.message : String(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, openNext));
  send({ type: 'opened', failed });
}

async function openHost(index: number, host: HostPlan): Promise<void> {
  const opened: LoadHost = new Host(host, { urls: plan.urls, metrics, wheel, random }, index + plan.index);
  hostCalls.hosts.set(host.name, opened);
  await opened.registered;
}

async function closeWorker(politely: boolean): Promise<void> {
  for (const player of population.players) {
    player.log.finish();
    player.close();
  }
  await Promise.all([...hostCalls.hosts.values()].map((host) => host.close(politely)));
  clearInterval(wheelTimer);
  clearInterval(tickTimer);
  sendTick();
  send({ type: 'closed' });
  port?.close();
}

port.on('message', (order: WorkerOrder) => {
  switch (order.type) {
    case 'open-hosts':
      void openHosts();
      return;
    case 'connect':
      population.connect(order.startAtMs, order.perSecond);
      return;
    case 'phase':
      population.startPhase(order.phase, order.startAtMs);
      return;
    case 'stop-arrivals':
      population.stopArrivals();
      return;
    case 'kill-host':
    case 'host-killed':
      hostCalls.killHost(order.host);
      return;
    case 'host-calls':
      hostCalls.handleCalls(order.calls);
      return;
    case 'host-replies':
      hostCalls.handleReplies(order.replies);
      return;
    case 'snapshot':
      sendTick();
      send({
        type: 'snapshot',
        hosts: [...hostCalls.hosts]
          .filter(([name]) => !hostCalls.isKilled(name))
          .map(([name, host]) => ({ name, sessions: host.listSessions() })),
      });
      return;
    case 'leave-all':
      for (const player of population.players) player.leave();
      return;
    case 'close':
      void closeWorker(order.politely);
  }
});
