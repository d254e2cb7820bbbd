import { CLIENT_PATH, HOST_PATH } from '@duskline/protocol/constants';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD, TEST_DEVICE, testToken } from '../../support/fleet/test-broker.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { TestFleet, type TestFleetOptions } from '../../support/fleet/test-fleet.js';
import { FrameNames } from './frame-text.js';
import { TracedPeer, type PeerKind, type TraceWriter } from './traced-peer.js';

/** A sequence of messages between peers and brokers. */
export interface Scenario {
  /** Heading of the scenario in PROTOCOL.md, without its number. */
  readonly title: string;
  /** Plays the scenario on a fleet that was started with `fleet`. */
  readonly run: (scene: Scene) => Promise<void>;
  readonly fleet?: Omit<TestFleetOptions, 'brokers'>;
  /** Set if the trace would differ from run to run with the host on another broker: the reason. */
  readonly oneBrokerBecause?: string;
}

interface HostOptions {
  readonly hostId: string;
  readonly slots?: number;
  readonly broker?: number;
  readonly sessions?: readonly object[];
}

type Line = { readonly peer: string; readonly text: string } | { readonly remark: string };

/** A running scenario: its fleet, its peers, and their trace. */
export class Scene implements TraceWriter {
  readonly #names = new FrameNames();
  readonly #lines: Line[] = [];
  readonly #peers: TracedPeer[] = [];
  #isWriting = true;

  private constructor(readonly fleet: TestFleet) {}

  /**
   * Plays a scenario.
   *
   * @param brokers with two, clients are on the first and hosts on the second, unless the scenario says otherwise
   * @returns the trace: one line for each frame, close or remark
   */
  static async play(scenario: Scenario, brokers: number): Promise<string> {
    const scene = new Scene(await TestFleet.start({ ...scenario.fleet, brokers }));
    try {
      await scenario.run(scene);
      for (const peer of scene.#peers) await peer.finish();
      return scene.#text();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${scene.#text()}`, {
        cause: error,
      });
    } finally {
      await scene.fleet.stop();
    }
  }

  frame(peer: string, arrow: '→' | '←', frame: Frame): void {
    const text = this.#names.shortText(frame);
    if (this.#isWriting) this.#lines.push({ peer, text: `${arrow} ${text}` });
  }

  event(peer: string, text: string): void {
    if (this.#isWriting) this.#lines.push({ peer, text });
  }

  /** Adds a comment to the trace. */
  remark(remark: string): void {
    if (this.#isWriting) this.#lines.push({ remark });
  }

  /** Runs `work` without writing its messages to the trace. */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#isWriting;
    this.#isWriting = false;
    try {
      return await work();
    } finally {
      this.#isWriting = before;
    }
  }

  /** Adds the messages of this connection to the trace from now on. */
  trace(name: string, kind: PeerKind, peer: Peer): TracedPeer {
    const traced = new TracedPeer(name, kind, peer, this);
    this.#peers.push(traced);
    return traced;
  }

  /** Opens a connection for a client that has sent no `hello` yet. */
  async connect(name: string, broker = 0): Promise<TracedPeer> {
    return this.trace(name, 'client', await Peer.open(this.fleet.broker(broker).url, CLIENT_PATH));
  }

  /** Connects a client and sends `hello`, without a trace of it. */
  client(name: string, playerId = 'alice', broker = 0): Promise<TracedPeer> {
    return this.quietly(async () => {
      const client = await this.connect(name, broker);
      await hello(client, playerId);
      return client;
    });
  }

  /** Connects and registers a host. */
  async register(name: string, options: HostOptions): Promise<TracedPeer> {
    const { hostId, slots = 1, broker = 1, sessions = [] } = options;
    const regionPool = { region: 'near', pool: 'console-x' };
    const token = testToken({ kind: 'host', ...regionPool });
    const peer = await Peer.open(this.fleet.broker(broker).url, HOST_PATH, { token });
    const host = this.trace(name, 'host', peer);
    const endpoint = `wss://${hostId}.example.com/stream`;
    host.send({ type: 'register', hostId, ...regionPool, slots, endpoint, sessions });
    await host.receive('registered');
    return host;
  }

  /** Sends a heartbeat with these sessions; resolves when the host is ready. */
  async sendHeartbeat(host: TracedPeer, hostId: string, sessions: readonly object[] = []): Promise<void> {
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
    await waitUntil(async () => {
      const { regions } = await this.fleet.broker(0).broker.status();
      const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
      return hosts.find((known) => known.hostId === hostId)?.state === 'ready';
    });
  }

  /** Registers a host and makes it ready, without a trace of it. */
  host(name: string, options: HostOptions = { hostId: 'h1' }): Promise<TracedPeer> {
    return this.quietly(async () => {
      const host = await this.register(name, options);
      await this.sendHeartbeat(host, options.hostId);
      return host;
    });
  }

  /** Starts a session until it is connected, without a trace of it. */
  async startSession(client: TracedPeer, host: TracedPeer, change: object = {}): Promise<Frame> {
    const matched = await this.quietly(async () => {
      client.send({ ...PLAY, ...change });
      const begun = await client.receive('matched');
      await host.receive('prepare');
      for (const state of ['active', 'connected']) {
        host.send(report(begun, state));
        await client.receive('session');
      }
      return begun;
    });
    this.remark(`${client.name} plays s1 (request r1) on ${host.name}`);
    return matched;
  }

  /** Resolves when the brokers have noticed that no host is connected. */
  async withoutHosts(): Promise<void> {
    await waitUntil(() => this.fleet.brokers.every(({ broker }) => broker.connections.hosts === 0));
  }

  #text(): string {
    const width = Math.max(...this.#lines.map((line) => ('peer' in line ? line.peer.length : 0)));
    return this.#lines
      .map((line) => ('peer' in line ? `${line.peer.padEnd(width)} ${line.text}` : `# ${line.remark}`))
      .join('\n');
  }
}

/** Sends `hello` with a player token. Returns the resume token of `welcome`. */
export async function hello(client: TracedPeer, playerId = 'alice'): Promise<string> {
  client.send({ type: 'hello', token: testToken({ kind: 'player', playerId }), device: TEST_DEVICE });
  const { resumeToken } = await client.receive('welcome');
  return String(resumeToken);
}

/** Sends `hello` with a resume token. Returns the next resume token. */
export async function resumeWith(client: TracedPeer, resumeToken: string): Promise<string> {
  client.send({ type: 'hello', resumeToken, device: TEST_DEVICE });
  const welcome = await client.receive('welcome');
  return String(welcome['resumeToken']);
}

export const PLAY = { type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 12 } } as const;

/** A host's `session` message. */
export function report({ sessionId, epoch }: Frame, state: string, more: object = {}): Frame {
  return { type: 'session', sessionId, epoch, state, ...more };
}
