import { createClient, type Session, type SessionMove } from '@duskline/client/node';
import { watchStream, type StreamViewer } from '@duskline/host/simulated';
import { createRecordedSockets } from '@duskline/loadtest/history/client-recording.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';
import { TEST_DEVICE } from '../fleet/test-broker.js';
import { monotonicMs } from '../processes/monotonic-clock.js';
import { letTimePass } from '../time/scenario-time.js';
import type { ClientOrder, ClientReport, MovingClientOptions } from './moving-client.js';
import { reportToParent } from '../processes/worker-process.js';

/** A player process that accepts moves of its session. It gets orders from the parent process, and reports events to it. */
const options = JSON.parse(process.argv[2] ?? '') as MovingClientOptions;
const { urls, token, player, play } = options;
const recorder = createRecorder(monotonicMs, (event) => reportToParent({ kind: 'seen', event }));
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
/** Kills the process of the order `doom`. Called when the target host of the move admits the player. */
let kill: () => void = ignore;
/** Whether the player accepts moves. A move waits until it is defined. */
let goes: boolean | undefined;
let decided: () => void = ignore;

function ignore(): void {
  // Intentionally empty.
}

function say(saying: ClientReport): void {
  reportToParent({ kind: 'news', atMs: monotonicMs(), news: saying });
}

/** Shows the ticket to the host. Resolves when the host admits the player. */
function open(
  { sessionId }: Pick<Session, 'sessionId'>,
  { epoch, region, pool, host, ticket }: Pick<SessionMove, 'epoch' | 'region' | 'pool' | 'host' | 'ticket'>,
  onLetIn: () => void = ignore,
): Promise<StreamViewer> {
  const at = { player, host: hostName(region, pool, host.hostId), sessionId, epoch };
  return new Promise((resolve, reject) => {
    const viewer = watchStream(host.endpoint, ticket, {
      admitted() {
        say({ type: 'let-in', hostId: host.hostId, epoch });
        onLetIn();
        resolve(viewer);
      },
      frame: (n, count) => recorder.record({ type: 'frame-received', ...at, n, count }),
      closed(why) {
        say({ type: 'stream-closed', hostId: host.hostId, why });
        reject(new Error(why));
      },
    });
  });
}

async function follow(move: SessionMove): Promise<void> {
  if (session === undefined) throw new Error('onMove was called before play resolved');
  const { epoch, host } = move;
  say({ type: 'asked-to-move', hostId: host.hostId, epoch });
  if (goes === undefined) await new Promise<void>((resolve) => (decided = resolve));
  if (goes !== true) throw new Error('The player declines the move.');
  const viewer = await open(session, move, () => kill());
  if (move.signal.aborted) {
    viewer.drop();
    return;
  }
  move.signal.addEventListener('abort', () => viewer.drop());
  next = viewer;
}

async function begin(): Promise<void> {
  await client.connect();
  const made = await client.play({ ...play, ...(options.stays ? {} : { onMove: follow }) });
  session = made;
  made.on('moved', () => {
    current = next;
    say({ type: 'moved', hostId: made.host.hostId, epoch: made.epoch });
  });
  made.on('replaced', () => {
    say({ type: 'replaced', hostId: made.host.hostId, epoch: made.epoch });
    current?.drop();
    open(made, made).then((viewer) => (current = viewer), ignore);
  });
  made.on('ended', (reason) => say({ type: 'ended', reason }));
  current = await open(made, made);
  say({ type: 'playing', sessionId: made.sessionId, hostId: made.host.hostId, epoch: made.epoch });
}

process.on('message', (order: ClientOrder) => {
  switch (order.kind) {
    case 'play':
      begin().catch((error: unknown) => say({ type: 'failed', why: String(error) }));
      return;
    case 'decide':
      goes = order.goes;
      decided();
      return;
    case 'doom': {
      const { pid, afterMs } = order;
      const end = (): void => void process.kill(pid, 'SIGKILL');
      kill = () => (afterMs === 0 ? end() : void letTimePass(afterMs).then(end));
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
