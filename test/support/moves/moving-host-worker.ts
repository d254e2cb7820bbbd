import { createSimulatedHost, createStreamServer, type SimulatedHost } from '@duskline/host/simulated';
import { hostName } from '@duskline/loadtest/history/events.js';
import { recordHost } from '@duskline/loadtest/history/host-recording.js';
import { createRecorder } from '@duskline/loadtest/history/recorder.js';
import { monotonicMs } from '../processes/monotonic-clock.js';
import type { HostOrder, HostState, MovingHostOptions } from './moving-host.js';
import { sendToParent } from '../processes/worker-process.js';
import { repeatEvery } from '../time/pacing.js';

/** How often the state is polled. Some state changes during a move have no event. */
const POLL_INTERVAL_MS = 5;

/** A simulated host process. It gets orders from the parent process, and reports every change of its state to it. */
const { urls, token, hostId, region, pool, slots, frameIntervalMs } = JSON.parse(
  process.argv[2] ?? '',
) as MovingHostOptions;
const recorder = createRecorder(monotonicMs, (event) => sendToParent({ kind: 'event', event }));
const streams = await createStreamServer({ frameIntervalMs });
let movable = false;
let simulated: SimulatedHost | undefined;
let lastReport = '';

function stateOf({ host, stats }: SimulatedHost): HostState {
  const { prepared, held } = host.usage;
  const sessions = host.sessions().map(({ sessionId, epoch, state, begun }) => {
    return { sessionId, epoch, state, begun };
  });
  const { checkpoints, restored, moved, resumed, overbooked } = stats;
  const counts = { checkpoints, restored, moved, resumed, overbooked };
  return { status: host.status.state, prepared, held, sessions, counts };
}

function reportState(): void {
  if (simulated === undefined) return;
  const state = stateOf(simulated);
  const text = JSON.stringify(state);
  if (text === lastReport) return;
  lastReport = text;
  sendToParent({ kind: 'report', atMs: monotonicMs(), report: state });
}

function connect(): SimulatedHost {
  const made = createSimulatedHost({
    url: urls,
    token,
    hostId,
    region,
    pool,
    slots,
    streams,
    movable: () => movable,
  });
  recordHost(recorder, hostName(region, pool, hostId), made.host);
  for (const event of ['status', 'prepare', 'end', 'moved', 'resume'] as const)
    made.host.on(event, reportState);
  return made;
}

process.on('message', (order: HostOrder) => {
  switch (order.kind) {
    case 'connect':
      simulated ??= connect();
      return;
    case 'faults':
      simulated?.setMoveFaults(order.faults);
      return;
    case 'movable':
      movable = order.movable;
      return;
    case 'leave':
      void simulated?.leave().finally(() => process.exit());
  }
});
repeatEvery(POLL_INTERVAL_MS, reportState);
// The parent process has ended.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
