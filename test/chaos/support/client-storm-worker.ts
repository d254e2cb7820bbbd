import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';
import { monotonicMs } from '../../support/processes/monotonic-clock.js';
import { createPlayerGroup } from '../../support/recovery/player-group.js';
import { repeatEvery } from '../../support/time/pacing.js';
import { joinQueue, type QueuedPlayer } from './queued-player.js';
import type { StormOptions, StormOrder, StormReply } from './client-storm.js';

/** How often the parent process gets what was seen. */
const REPORT_INTERVAL_MS = 25;

/** The clients of a storm. They obey the parent process, and report everything they see. */
const { urls, playing, waiting, play } = JSON.parse(process.argv[2] ?? '') as StormOptions;
let seen: HistoryEvent[] = [];
const recorder = createRecorder(monotonicMs, (event) => seen.push(event));
const players = createPlayerGroup({ urls, recorder, players: playing, name: 'playing' });
const queue = createPlayerGroup({ urls, recorder, players: waiting, name: 'waiting' });
let lines: QueuedPlayer[] = [];
const stopReports = repeatEvery(REPORT_INTERVAL_MS, report);

function send(message: StormReply): void {
  process.send!(message);
}

function report(): void {
  if (seen.length === 0) return;
  send({ kind: 'seen', events: seen });
  seen = [];
}

async function obey(order: StormOrder): Promise<unknown> {
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
      lines = await Promise.all(queue.players.map((player) => joinQueue(player, play)));
      return lines.length;
    }
    case 'positions':
      return lines.map(({ told }) => told.at(-1)?.position ?? 0);
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
  void obey(order).then((answer) => {
    // Whatever led to the answer is known before it.
    report();
    send({ kind: 'answer', order, answer });
    if (order === 'close') process.disconnect();
  });
});
