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

/** Options of `createPlayerGroup`. */
export interface PlayerGroupOptions {
  /** URLs of the brokers, with which players start in turn; or a function that returns each player's URLs in the order of trying. */
  readonly urls: readonly string[] | ((index: number) => readonly string[]);
  readonly players: number;
  readonly recorder: Recorder;
  /** Prefix of the players' names. Default `player`. */
  readonly name?: string;
  /** Further options of the SDK, such as `reconnect`. */
  readonly client?: Partial<
    Pick<ClientOptions, 'reconnect' | 'connectTimeoutMs' | 'pingIntervalMs' | 'device'>
  >;
  /** Set it when hosts are other processes: their events are then recorded from what the players see. */
  readonly watchesHosts?: boolean;
  /** The players accept moves, and every frame that they receive is recorded. */
  readonly followsMoves?: boolean;
}

/** A player of a group. */
export interface GroupPlayer {
  readonly player: string;
  readonly client: Client;
  /** Latest result of `play`: a session, or the error of a refused request. */
  readonly answer: Session | DusklineError | undefined;
  /** Sends a request, and stores the result in `answer`. */
  play(options: PlayOptions): Promise<void>;
  /** `watchAll` for this player. */
  watch(): Promise<void>;
  /** Leaves the host's stream, if the player watches it. */
  leave(): Promise<void>;
}

/** Many players in this process whose events are recorded. */
export interface PlayerGroup {
  readonly players: readonly GroupPlayer[];
  connectAll(): Promise<void>;
  /** All players send a request at once. Resolves when each has an answer. */
  playAll(options: PlayOptions | ((index: number) => PlayOptions)): Promise<void>;
  /**
   * Every player with a session that it does not watch yet shows its ticket to the host. Resolves when the hosts have
   * admitted the players. A player that watches the session on an earlier host then leaves that host.
   */
  watchAll(): Promise<void>;
  /** All watching players leave their hosts. */
  leaveAll(): Promise<void>;
  /** Destroys all sockets to brokers at once. Streams stay open. Returns the number of sockets. */
  cutAll(): number;
  close(): Promise<void>;
}

/** Creates the players. They connect at `connectAll`. */
export function createPlayerGroup(options: PlayerGroupOptions): PlayerGroup {
  const { urls, players, recorder, name = 'player', client = {} } = options;
  const { watchesHosts = false, followsMoves = false } = options;
  const urlsOf = (index: number): readonly string[] => {
    if (typeof urls === 'function') return urls(index);
    const first = index % urls.length;
    return [...urls.slice(first), ...urls.slice(0, first)];
  };
  const members = Array.from({ length: players }, (_, i) => {
    return new Member(`${name}-${i}`, urlsOf(i), { recorder, client, watchesHosts, followsMoves });
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
  readonly followsMoves: boolean;
}

/** The stream of one epoch of a session. */
interface Watched {
  readonly viewer: StreamViewer;
  readonly closed: Promise<void>;
  readonly epoch: number;
  isOver: boolean;
}

/** Data of a session that `#connectToHost` needs. */
type Assignment = Pick<Session, 'sessionId' | 'epoch' | 'region' | 'pool' | 'host' | 'ticket'>;

class Member implements GroupPlayer {
  readonly player: string;
  readonly client: Client;
  readonly sockets: RecordedSockets;
  readonly #recorder: Recorder;
  readonly #watchesHosts: boolean;
  readonly #followsMoves: boolean;
  #answer: Session | DusklineError | undefined;
  #watched: Watched | undefined;
  /** Stream of the target host during a move. */
  #next: Watched | undefined;

  constructor(player: string, urls: readonly string[], options: MemberOptions) {
    const { recorder, client, watchesHosts, followsMoves } = options;
    this.player = player;
    this.#recorder = recorder;
    this.#watchesHosts = watchesHosts;
    this.#followsMoves = followsMoves;
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
        this.#followsMoves ? { ...options, onMove: (move) => this.#connectToTargetHost(move) } : options,
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
    if (before?.epoch === session.epoch && !before.isOver) return;
    this.#watched = await this.#connectToHost(session);
    before?.viewer.leave();
  }

  async leave(): Promise<void> {
    if (this.#watched === undefined || this.#answer === undefined || !('sessionId' in this.#answer)) return;
    const { sessionId } = this.#answer;
    if (sessionId !== undefined) this.#recorder.record({ type: 'left', player: this.player, sessionId });
    this.#watched.viewer.leave();
    await this.#watched.closed;
  }

  async #connectToTargetHost(move: SessionMove): Promise<void> {
    if (this.#answer === undefined || !('ticket' in this.#answer))
      throw new Error('onMove was called before play resolved');
    const { sessionId } = this.#answer;
    const { epoch, region, pool, host, ticket, signal } = move;
    const next = await this.#connectToHost({ sessionId, epoch, region, pool, host, ticket });
    this.#next = next;
    signal.addEventListener('abort', () => next.viewer.drop());
  }

  /** Shows the ticket to the host. Resolves when the host has admitted the player. */
  async #connectToHost(session: Assignment): Promise<Watched> {
    const { player } = this;
    const { host, ticket, epoch, sessionId, region, pool } = session;
    const at = { player, host: hostName(region, pool, host.hostId), sessionId, epoch };
    const hostEvents = this.#watchesHosts ? this.#hostEvents(session) : undefined;
    return new Promise((resolve, reject) => {
      let onClosed: () => void = nothing;
      const closed = new Promise<void>((resolveClosed) => (onClosed = resolveClosed));
      const viewer = watchStream(host.endpoint, ticket, {
        admitted() {
          hostEvents?.admitted();
          resolve(watched);
        },
        frame: this.#followsMoves
          ? (n, count) => this.#recorder.record({ type: 'frame-received', ...at, n, count })
          : nothing,
        closed(why) {
          hostEvents?.closed(why);
          watched.isOver = true;
          onClosed();
          reject(new Error(`${player} was not admitted: ${why}`));
        },
      });
      const watched: Watched = { viewer, closed, epoch, isOver: false };
    });
  }

  /** Records events of the session's host, as far as the player observes them. */
  #hostEvents(session: Assignment): { admitted(): void; closed(why: string): void } {
    const { sessionId, epoch, region, pool, host } = session;
    const assignment = { host: hostName(region, pool, host.hostId), sessionId, epoch };
    return {
      admitted: () => this.#recorder.record({ type: 'admitted', player: this.player, ...assignment }),
      closed: (why) => {
        // A lost stream does not end the session.
        const isEnded = why.startsWith('ended: ');
        if (why !== 'left' && !isEnded) return;
        const reason = isEnded ? (why.slice('ended: '.length) as EndReason) : 'client_left';
        this.#recorder.record({ type: 'host-ended', ...assignment, reason, by: isEnded ? 'broker' : 'host' });
      },
    };
  }
}

function nothing(): void {
  // Intentionally empty.
}
