import { parentPort, workerData } from 'node:worker_threads';
import { createSeededRandom, seedOf } from '@duskline/host/simulated';
import { monotonicMs } from './clock.js';
import { Crowd } from './crowd.js';
import { HostDesk, type LoadHost } from './host-desk.js';
import { LeanHost } from './lean-host.js';
import { LeanPlayer } from './lean-player.js';
import type { PlayerContext } from './load-player.js';
import type { HostPlan, WorkerOrder, WorkerPlan, WorkerReport } from './messages.js';
import { SdkHost } from './sdk-host.js';
import { SdkPlayer } from './sdk-player.js';
import { Tally } from './tally.js';
import { TimerWheel } from './timer-wheel.js';

/** How often the main thread hears what happened. */
const TICK_MS = 100;

/** At its slowest a broker lets so many clients in within two seconds and a half. */
const CONNECTING_PER_BROKER = 100;

/** So many hosts connect at once. */
const HOSTS_AT_ONCE = 50;

/** The players and hosts of one thread. They do what the main thread says, and tell it everything they see. */
const plan = workerData as WorkerPlan;
const port = parentPort;
if (port === null) throw new Error('This file runs in a worker thread.');

const send = (report: WorkerReport): void => port.postMessage(report);
const random = createSeededRandom(seedOf(`${plan.seed}/${plan.index}`));
const tally = new Tally();
const wheel = new TimerWheel(monotonicMs());
const desk = new HostDesk(plan.index, plan.hostOwners, {
  calls: (calls) => send({ type: 'host-calls', calls }),
  replies: (to, replies) => send({ type: 'host-replies', to, replies }),
});
const mostConnecting = Math.ceil((CONNECTING_PER_BROKER * plan.urls.length) / plan.workers);
const crowd = new Crowd({ tally, wheel, desk, random, shareOfRate: 1 / plan.workers, mostConnecting });
const context: PlayerContext = {
  runId: plan.runId,
  urls: plan.urls,
  title: plan.title,
  device: plan.device,
  ...{ tally, wheel, desk, random },
  freed: (player, isFree) => crowd.freed(player, isFree),
};

const Player = plan.driver === 'sdk' ? SdkPlayer : LeanPlayer;
const Host = plan.driver === 'sdk' ? SdkHost : LeanHost;
for (const [i, { home, ...player }] of plan.players.entries()) {
  crowd.players.push(new Player(context, { ...player, rtt: plan.rtts[home] ?? {}, first: i + plan.index }));
}

const turning = setInterval(() => wheel.advance(monotonicMs()), 1);
const ticking = setInterval(tick, TICK_MS);

function tick(): void {
  const { events, samples } = tally.take();
  send({ type: 'tick', atMs: monotonicMs(), events, samples, counts: tally.counts, gauges: crowd.gauges() });
}

async function openHosts(): Promise<void> {
  const failed: string[] = [];
  const waiting = [...plan.hosts.entries()];
  const openNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await open(...next).catch(
        (error: unknown) => void failed.push(error instanceof Error ? error.message : String(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, openNext));
  send({ type: 'opened', failed });
}

async function open(index: number, host: HostPlan): Promise<void> {
  const opened: LoadHost = new Host(host, { urls: plan.urls, tally, wheel, random }, index + plan.index);
  desk.hosts.set(host.name, opened);
  await opened.registered;
}

async function close(politely: boolean): Promise<void> {
  for (const player of crowd.players) {
    player.tape.finish();
    player.close();
  }
  await Promise.all([...desk.hosts.values()].map((host) => host.close(politely)));
  clearInterval(turning);
  clearInterval(ticking);
  tick();
  send({ type: 'closed' });
  port?.close();
}

port.on('message', (order: WorkerOrder) => {
  switch (order.type) {
    case 'open-hosts':
      void openHosts();
      return;
    case 'connect':
      crowd.connect(order.startAtMs, order.perSecond);
      return;
    case 'phase':
      crowd.begin(order.phase, order.startAtMs);
      return;
    case 'quiet':
      crowd.quiet();
      return;
    case 'kill-host':
    case 'host-killed':
      desk.kill(order.host);
      return;
    case 'host-calls':
      desk.answer(order.calls);
      return;
    case 'host-replies':
      desk.replied(order.replies);
      return;
    case 'picture':
      tick();
      send({
        type: 'picture',
        hosts: [...desk.hosts]
          .filter(([name]) => !desk.isGone(name))
          .map(([name, host]) => ({ name, sessions: host.sessions() })),
      });
      return;
    case 'leave-all':
      for (const player of crowd.players) player.leave();
      return;
    case 'close':
      void close(order.politely);
  }
});
