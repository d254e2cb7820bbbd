import { createClient, type Session, type SessionMove } from '@duskline/client/node';
import { watchStream, type StreamViewer } from '@duskline/host/simulated';
import { createRecordedSockets } from '@duskline/loadtest/history/client-recording.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';
import { TEST_DEVICE } from '../fleet/test-broker.js';
import { monotonicMs } from '../processes/monotonic-clock.js';
import { letTimePass } from '../time/scenario-time.js';
import type { ClientOrder, ClientReport, MovingClientOptions } from './moving-client.js';
import { sendToParent } from '../processes/worker-process.js';

/** A player process that accepts moves of its session. It gets orders from the parent process, and reports events to it. */
const options = JSON.parse(process.argv[2] ?? '') as MovingClientOptions;
const { urls, token, player, play: request } = options;
const recorder = createRecorder(monotonicMs, (event) => sendToParent({ kind: 'event', event }));
const { WebSocket } = createRecordedSockets(recorder, player);
const client = createClient({
  url: urls,
  token,
  device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
  WebSocket,
  logger: { error: ignore, warn: ignore, info: ignore, debug: ignore },
});
let session: Session | undefined;
let current: StreamViewer | undefined;
let next: StreamViewer | undefined;
/** Kills the process of the order `kill-at-admission`. Called when the target host of the move admits the player. */
let kill: () => void = ignore;
/** Whether the player accepts moves. A move waits until it is defined. */
let acceptsMoves: boolean | undefined;
let onOrder: () => void = ignore;

function ignore(): void {
  // Intentionally empty.
}

function report(event: ClientReport): void {
  sendToParent({ kind: 'report', atMs: monotonicMs(), report: event });
}

/** Shows the ticket to the host. Resolves when the host admits the player. */
function watch(
  { sessionId }: Pick<Session, 'sessionId'>,
  { epoch, region, pool, host, ticket }: Pick<SessionMove, 'epoch' | 'region' | 'pool' | 'host' | 'ticket'>,
  onAdmitted: () => void = ignore,
): Promise<StreamViewer> {
  const at = { player, host: hostName(region, pool, host.hostId), sessionId, epoch };
  return new Promise((resolve, reject) => {
    const viewer = watchStream(host.endpoint, ticket, {
      admitted() {
        report({ type: 'admitted', hostId: host.hostId, epoch });
        onAdmitted();
        resolve(viewer);
      },
      frame: (n, count) => recorder.record({ type: 'frame-received', ...at, n, count }),
      closed(why) {
        report({ type: 'stream-closed', hostId: host.hostId, why });
        reject(new Error(why));
      },
    });
  });
}

/** Called by the SDK when the broker asks the client to connect to the target host. */
async function answerMove(move: SessionMove): Promise<void> {
  if (session === undefined) throw new Error('onMove was called before play resolved');
  const { epoch, host } = move;
  report({ type: 'move-requested', hostId: host.hostId, epoch });
  if (acceptsMoves === undefined) await new Promise<void>((resolve) => (onOrder = resolve));
  if (acceptsMoves !== true) throw new Error('The player declines the move.');
  const viewer = await watch(session, move, () => kill());
  if (move.signal.aborted) {
    viewer.drop();
    return;
  }
  move.signal.addEventListener('abort', () => viewer.drop());
  next = viewer;
}

async function play(): Promise<void> {
  await client.connect();
  const started = await client.play({ ...request, ...(options.withoutMoves ? {} : { onMove: answerMove }) });
  session = started;
  started.on('moved', () => {
    current = next;
    report({ type: 'moved', hostId: started.host.hostId, epoch: started.epoch });
  });
  started.on('replaced', () => {
    report({ type: 'replaced', hostId: started.host.hostId, epoch: started.epoch });
    current?.drop();
    watch(started, started).then((viewer) => (current = viewer), ignore);
  });
  started.on('ended', (reason) => report({ type: 'ended', reason }));
  current = await watch(started, started);
  report({
    type: 'playing',
    sessionId: started.sessionId,
    hostId: started.host.hostId,
    epoch: started.epoch,
  });
}

process.on('message', (order: ClientOrder) => {
  switch (order.kind) {
    case 'play':
      play().catch((error: unknown) => report({ type: 'failed', why: String(error) }));
      return;
    case 'answer-moves':
      acceptsMoves = order.accepts;
      onOrder();
      return;
    case 'kill-at-admission': {
      const { pid, afterMs } = order;
      const killProcess = (): void => void process.kill(pid, 'SIGKILL');
      kill = () => (afterMs === 0 ? killProcess() : void letTimePass(afterMs).then(killProcess));
      return;
    }
    case 'close':
      void client.close().finally(() => process.exit());
      return;
    case 'leave':
      if (session !== undefined) recorder.record({ type: 'left', player, sessionId: session.sessionId });
      current?.leave();
  }
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
