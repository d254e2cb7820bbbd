import {
  createClient,
  DusklineError,
  type Client,
  type ClientOptions,
  type PlayOptions,
  type Session,
} from '@duskline/client/node';
import { watchStream, type StreamViewer } from '@duskline/host/simulated';
import { createRecordedSockets, type RecordedSockets } from '../history/client-recording.js';
import type { Recorder } from '../history/recorder.js';
import { TEST_DEVICE, testToken } from './fleet.js';

export interface SwarmOptions {
  /** The brokers. Each player begins with another one. */
  readonly urls: readonly string[];
  readonly players: number;
  readonly recorder: Recorder;
  /** Stands before the number of each player's name. Default `swarm`. */
  readonly name?: string;
  /** More of the SDK's options, such as its `reconnect` policy. */
  readonly client?: Partial<
    Pick<ClientOptions, 'reconnect' | 'connectTimeoutMs' | 'pingIntervalMs' | 'device'>
  >;
}

export interface SwarmPlayer {
  readonly player: string;
  readonly client: Client;
  /** What it got last; an error where it was refused. */
  readonly answer: Session | DusklineError | undefined;
}

/** Many players of this process, with what each saw on record. */
export interface Swarm {
  readonly players: readonly SwarmPlayer[];
  connectAll(): Promise<void>;
  /** Everybody asks at once. Resolves when everybody has an answer. */
  playAll(options: PlayOptions | ((index: number) => PlayOptions)): Promise<void>;
  /** Everybody who has a session shows the ticket to its host, and watches. Resolves when the hosts let them in. */
  watchAll(): Promise<void>;
  /** Everybody who watches says good-bye. */
  leaveAll(): Promise<void>;
  /** Destroys every socket to a broker in the same instant; the streams go on. Returns how many there were. */
  cutAll(): number;
  close(): Promise<void>;
}

export function createSwarm({ urls, players, recorder, name = 'swarm', client = {} }: SwarmOptions): Swarm {
  const members = Array.from({ length: players }, (_, i) => {
    return new Member(`${name}-${i}`, [...urls.slice(i % urls.length), ...urls.slice(0, i % urls.length)], {
      recorder,
      client,
    });
  });
  return {
    players: members,
    async connectAll() {
      await Promise.all(members.map((member) => member.client.connect()));
    },
    async playAll(options) {
      await Promise.all(
        members.map((member, i) => member.play(typeof options === 'function' ? options(i) : options)),
      );
    },
    async watchAll() {
      await Promise.all(members.map((member) => member.watch()));
    },
    async leaveAll() {
      await Promise.all(members.map((member) => member.leave()));
    },
    cutAll: () => members.filter((member) => member.sockets.cut()).length,
    async close() {
      await Promise.all(members.map((member) => member.client.close()));
    },
  };
}

class Member implements SwarmPlayer {
  readonly player: string;
  readonly client: Client;
  readonly sockets: RecordedSockets;
  readonly #recorder: Recorder;
  #answer: Session | DusklineError | undefined;
  #viewer: { readonly viewer: StreamViewer; readonly closed: Promise<void> } | undefined;

  constructor(
    player: string,
    urls: readonly string[],
    { recorder, client }: { recorder: Recorder; client: Partial<ClientOptions> },
  ) {
    this.player = player;
    this.#recorder = recorder;
    this.sockets = createRecordedSockets(recorder, player);
    this.client = createClient({
      url: urls.map((url) => url.replace(/^http/, 'ws')),
      token: testToken({ kind: 'player', playerId: player }),
      device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
      logger: { error: nothing, warn: nothing, info: nothing, debug: nothing },
      ...client,
      WebSocket: this.sockets.WebSocket,
    });
  }

  get answer(): Session | DusklineError | undefined {
    return this.#answer;
  }

  async play(options: PlayOptions): Promise<void> {
    try {
      this.#answer = await this.client.play(options);
    } catch (error) {
      if (!(error instanceof DusklineError)) throw error;
      this.#answer = error;
    }
  }

  async watch(): Promise<void> {
    const session = this.#answer;
    if (session === undefined || session instanceof DusklineError || session.state === 'ended') return;
    const { player } = this;
    await new Promise<void>((resolve, reject) => {
      let viewer: StreamViewer | undefined;
      const closed = new Promise<void>((over) => {
        viewer = watchStream(session.host.endpoint, session.ticket, {
          admitted: resolve,
          frame: nothing,
          closed(why) {
            over();
            reject(new Error(`${player} was not let in: ${why}`));
          },
        });
      });
      if (viewer !== undefined) this.#viewer = { viewer, closed };
    });
  }

  async leave(): Promise<void> {
    if (this.#viewer === undefined || this.#answer === undefined || !('sessionId' in this.#answer)) return;
    const { sessionId } = this.#answer;
    if (sessionId !== undefined) this.#recorder.record({ type: 'left', player: this.player, sessionId });
    this.#viewer.viewer.leave();
    await this.#viewer.closed;
  }
}

function nothing(): void {
  // Nobody wants to know.
}
