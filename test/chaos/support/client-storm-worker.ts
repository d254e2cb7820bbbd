import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';
import { monotonicMs } from '../../support/processes/monotonic-clock.js';
import { createPlayerGroup } from '../../support/recovery/player-group.js';
import { repeatEvery } from '../../support/time/pacing.js';
import { joinQueue, type QueuedPlayer } from './queued-player.js';
import type { StormOptions, StormOrder, StormReply } from './client-storm.js';

/** Interval in which the parent process receives the recorded events. */
const REPORT_INTERVAL_MS = 25;

/** The process of the clients. It carries out the orders of the parent process, and reports all events to it. */
const { urls, playing, waiting, play } = JSON.parse(process.argv[2] ?? '') as StormOptions;
let unreported: HistoryEvent[] = [];
const recorder = createRecorder(monotonicMs, (event) => unreported.push(event));
const players = createPlayerGroup({ urls, recorder, players: playing, name: 'playing' });
const queue = createPlayerGroup({ urls, recorder, players: waiting, name: 'waiting' });
let queued: QueuedPlayer[] = [];
const stopReports = repeatEvery(REPORT_INTERVAL_MS, report);

function send(message: StormReply): void {
  process.send!(message);
}

function report(): void {
  if (unreported.length === 0) return;
  send({ kind: 'events', events: unreported });
  unreported = [];
}

async function carryOut(order: StormOrder): Promise<unknown> {
  switch (order) {
    case 'play': {
      await players.connectAll();
      await players.playAll(play);
      return players.players.map(({ client }) => {
        const { sessionId, host, ticket } = client.sessions[0]!;
        return { sessionId, host, ticket };
      });
    }
    case 'queue': {
      await queue.connectAll();
      queued = await Promise.all(queue.players.map((player) => joinQueue(player, play)));
      return queued.length;
    }
    case 'positions':
      return queued.map(({ updates }) => updates.at(-1)?.position ?? 0);
    case 'cut':
      return players.cutAll() + queue.cutAll();
    case 'close': {
      await Promise.all([players.close(), queue.close()]);
      stopReports();
      report();
      return null;
    }
  }
}

process.on('message', (order: StormOrder) => {
  void carryOut(order).then((answer) => {
    // The parent process must have all events that led to the answer before it gets the answer.
    report();
    send({ kind: 'answer', order, answer });
    if (order === 'close') process.disconnect();
  });
});
