import {
  createClient,
  DusklineError,
  type Client,
  type ClientOptions,
  type PlayOptions,
  type Session,
  type SessionMove,
} from '@duskline/client/node';
import type { EndReason } from '@duskline/protocol/vocabulary';
import { watchStream, type StreamViewer } from '@duskline/host/simulated';
import { createRecordedSockets, type RecordedSockets } from '@duskline/loadtest/history/client-recording.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { TEST_DEVICE, testToken } from '../fleet/test-broker.js';

export interface PlayerGroupOptions {
  /** The brokers. Each player begins with another one; or those of each player, in the order of trying. */
  readonly urls: readonly string[] | ((index: number) => readonly string[]);
  readonly players: number;
  readonly recorder: Recorder;
  /** Stands before the number of each player's name. Default `swarm`. */
  readonly name?: string;
  /** More of the SDK's options, such as its `reconnect` policy. */
  readonly client?: Partial<
    Pick<ClientOptions, 'reconnect' | 'connectTimeoutMs' | 'pingIntervalMs' | 'device'>
  >;
  /** Hosts are in processes of their own: what they do with sessions is taken down as the players see it. */
  readonly watchesHosts?: boolean;
  /** They go where their sessions go; and every picture that they see is taken down. */
  readonly followsMoves?: boolean;
}

export interface GroupPlayer {
  readonly player: string;
  readonly client: Client;
  /** What it got last; an error where it was refused. */
  readonly answer: Session | DusklineError | undefined;
  /** Asks, and notes the answer. */
  play(options: PlayOptions): Promise<void>;
  /** As `watchAll`, of this one. */
  watch(): Promise<void>;
  /** Says good-bye to the host, if it watches. */
  leave(): Promise<void>;
}

/** Many players of this process, with what each saw on record. */
export interface PlayerGroup {
  readonly players: readonly GroupPlayer[];
  connectAll(): Promise<void>;
  /** Everybody asks at once. Resolves when everybody has an answer. */
  playAll(options: PlayOptions | ((index: number) => PlayOptions)): Promise<void>;
  /**
   * Everybody who has a session and does not watch it shows the ticket to its host. Resolves when the hosts let them
   * in. Whoever watches it on an earlier host leaves that one then.
   */
  watchAll(): Promise<void>;
  /** Everybody who watches says good-bye. */
  leaveAll(): Promise<void>;
  /** Destroys every socket to a broker in the same instant; the streams go on. Returns how many there were. */
  cutAll(): number;
  close(): Promise<void>;
}

export function createPlayerGroup(options: PlayerGroupOptions): PlayerGroup {
  const { urls, players, recorder, name = 'swarm', client = {} } = options;
  const { watchesHosts = false, followsMoves: follows = false } = options;
  const urlsOf = (index: number): readonly string[] => {
    if (typeof urls === 'function') return urls(index);
    const first = index % urls.length;
    return [...urls.slice(first), ...urls.slice(0, first)];
  };
  const members = Array.from({ length: players }, (_, i) => {
    return new Member(`${name}-${i}`, urlsOf(i), { recorder, client, watchesHosts, follows });
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
    cutAll: () => members.filter((member) => member.sockets.cutSocket()).length,
    async close() {
      await Promise.all(members.map((member) => member.client.close()));
    },
  };
}

interface MemberOptions {
  readonly recorder: Recorder;
  readonly client: Partial<ClientOptions>;
  readonly watchesHosts: boolean;
  readonly follows: boolean;
}

/** What a player watches, at one epoch of the session. */
interface Watched {
  readonly viewer: StreamViewer;
  readonly closed: Promise<void>;
  readonly epoch: number;
  over: boolean;
}

/** What a host is shown, and what it is then asked for. */
type Shown = Pick<Session, 'sessionId' | 'epoch' | 'region' | 'pool' | 'host' | 'ticket'>;

class Member implements GroupPlayer {
  readonly player: string;
  readonly client: Client;
  readonly sockets: RecordedSockets;
  readonly #recorder: Recorder;
  readonly #watchesHosts: boolean;
  readonly #follows: boolean;
  #answer: Session | DusklineError | undefined;
  #watched: Watched | undefined;
  /** At the host that the session moves to. */
  #next: Watched | undefined;

  constructor(player: string, urls: readonly string[], options: MemberOptions) {
    const { recorder, client, watchesHosts, follows } = options;
    this.player = player;
    this.#recorder = recorder;
    this.#watchesHosts = watchesHosts;
    this.#follows = follows;
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
      const answer = await this.client.play(
        this.#follows ? { ...options, onMove: (move) => this.#follow(move) } : options,
      );
      answer.on('moved', () => void (this.#watched = this.#next));
      this.#answer = answer;
    } catch (error) {
      if (!(error instanceof DusklineError)) throw error;
      this.#answer = error;
    }
  }

  async watch(): Promise<void> {
    const session = this.#answer;
    if (session === undefined || session instanceof DusklineError || session.state === 'ended') return;
    const before = this.#watched;
    if (before?.epoch === session.epoch && !before.over) return;
    this.#watched = await this.#show(session);
    before?.viewer.leave();
  }

  async leave(): Promise<void> {
    if (this.#watched === undefined || this.#answer === undefined || !('sessionId' in this.#answer)) return;
    const { sessionId } = this.#answer;
    if (sessionId !== undefined) this.#recorder.record({ type: 'left', player: this.player, sessionId });
    this.#watched.viewer.leave();
    await this.#watched.closed;
  }

  async #follow(move: SessionMove): Promise<void> {
    if (this.#answer === undefined || !('ticket' in this.#answer)) throw new Error('a move before the match');
    const { sessionId } = this.#answer;
    const { epoch, region, pool, host, ticket, signal } = move;
    const next = await this.#show({ sessionId, epoch, region, pool, host, ticket });
    this.#next = next;
    signal.addEventListener('abort', () => next.viewer.drop());
  }

  /** Resolves when the host let it in. */
  async #show(session: Shown): Promise<Watched> {
    const { player } = this;
    const { host, ticket, epoch, sessionId, region, pool } = session;
    const at = { player, host: hostName(region, pool, host.hostId), sessionId, epoch };
    const seen = this.#watchesHosts ? this.#hostAsSeen(session) : undefined;
    return new Promise((resolve, reject) => {
      let over: () => void = nothing;
      const closed = new Promise<void>((isOver) => (over = isOver));
      const viewer = watchStream(host.endpoint, ticket, {
        admitted() {
          seen?.admitted();
          resolve(watched);
        },
        frame: this.#follows
          ? (n, count) => this.#recorder.record({ type: 'frame-received', ...at, n, count })
          : nothing,
        closed(why) {
          seen?.closed(why);
          watched.over = true;
          over();
          reject(new Error(`${player} was not let in: ${why}`));
        },
      });
      const watched: Watched = { viewer, closed, epoch, over: false };
    });
  }

  /** Takes down what the session's host does with it. */
  #hostAsSeen(session: Shown): { admitted(): void; closed(why: string): void } {
    const { sessionId, epoch, region, pool, host } = session;
    const assignment = { host: hostName(region, pool, host.hostId), sessionId, epoch };
    return {
      admitted: () => this.#recorder.record({ type: 'admitted', player: this.player, ...assignment }),
      closed: (why) => {
        // A stream that is merely lost leaves the session where it is.
        const told = why.startsWith('ended: ');
        if (why !== 'left' && !told) return;
        const reason = told ? (why.slice('ended: '.length) as EndReason) : 'client_left';
        this.#recorder.record({ type: 'host-ended', ...assignment, reason, by: told ? 'broker' : 'host' });
      },
    };
  }
}

function nothing(): void {
  // Nobody wants to know.
}
