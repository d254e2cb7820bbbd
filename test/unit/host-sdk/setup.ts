import { createHost, type EndedSession, type Host, type HostOptions, type HostStatus } from '@duskline/host';
import type { Prepare } from '@duskline/protocol';
import { EventBuffer } from '../../support/event-buffer.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { ScriptedBroker, type ScriptedConnection } from './scripted-broker.js';
import { ADDRESS, sessionIdOf } from './tickets.js';

export const LOAD = { gpu: 0.4, encoder: 0.3, cpu: 0.2, network: 0.1 };

/** Delay of every retry in these tests. */
export const RETRY_MS = 700;

export function prepareOf(number: number, change: Partial<Prepare> = {}): Prepare {
  return {
    type: 'prepare',
    sessionId: sessionIdOf(number),
    epoch: 1,
    title: 'meadow',
    playerId: `player-${number}`,
    stream: { codec: 'hevc', resolution: '1080p', fps: 60 },
    claimWithinMs: 30_000,
    ...change,
  };
}

/** Creates a host that connects to a scripted broker, on a clock that the test moves. */
export interface HostFixture {
  readonly broker: ScriptedBroker;
  readonly clock: ManualClock;
  readonly host: Host;
  readonly statuses: EventBuffer<HostStatus>;
  readonly ends: EventBuffer<EndedSession>;
  /** Waits for the next connection of the host, registers it, and reads its first heartbeat. */
  register(intervals?: {
    heartbeatIntervalMs?: number;
    pingIntervalMs?: number;
  }): Promise<ScriptedConnection>;
  /** Waits until the host has given up on its connection, and lets it retry. */
  retry(): Promise<HostStatus>;
  until<State extends HostStatus['state']>(state: State): Promise<Extract<HostStatus, { state: State }>>;
}

const open: { host: Host; broker: ScriptedBroker }[] = [];

export async function startHostFixture(options: Partial<HostOptions> = {}): Promise<HostFixture> {
  const broker = await ScriptedBroker.start();
  const clock = new ManualClock();
  const host = createHost({
    url: broker.url,
    token: 'token-of-host-1-in-these-tests',
    ...ADDRESS,
    slots: 2,
    endpoint: 'wss://host-1.example/stream',
    measureLoad: () => LOAD,
    reconnectPolicy: { nextRetryDelayInMs: () => RETRY_MS },
    clock,
    ...options,
  });
  open.push({ host, broker });
  const statuses = new EventBuffer<HostStatus>('status of the host');
  host.on('status', (status) => statuses.add(status));
  const ends = new EventBuffer<EndedSession>('ended session');
  host.on('end', (ended) => ends.add(ended));

  const until: HostFixture['until'] = async (state) => {
    const found = await statuses.next((status) => status.state === state);
    return found as Extract<HostStatus, { state: typeof state }>;
  };
  return {
    broker,
    clock,
    host,
    statuses,
    ends,
    until,
    async register(intervals) {
      const connection = await broker.connections.next();
      await connection.accept(intervals);
      await until('registered');
      await connection.next('heartbeat');
      return connection;
    },
    async retry() {
      const status = await until('waiting');
      clock.advance(status.retryInMs);
      return status;
    },
  };
}

/** Stops everything that the test started. Expects that no host leaves a timer behind. */
export async function stopHostFixtures(): Promise<void> {
  for (const { host, broker } of open.splice(0)) {
    await host.close({ abrupt: true });
    await broker.stop();
  }
}
