import { createClient, type Client, type Session } from '@duskline/client/node';
import { watchStream, type StreamViewer } from '@duskline/host/simulated';
import { testToken } from '../../support/fleet/test-broker.js';

/** A player that watches the stream of its session, accepts moves, and measures interruptions of the stream. */
export class DrainPlayer {
  readonly client: Client;
  /** Longest time between two frames, in milliseconds. */
  longestGapMs = 0;
  /** Whether the count of the stream, which a move transfers, was not above the count of an earlier frame. */
  countWentBack = false;
  /** Whether the session moved to another host. */
  moved = false;
  /** Why the session ended; `undefined` while it runs. */
  endReason: string | undefined;
  #viewer: StreamViewer | undefined;
  #lastFrameAtMs: number | undefined;
  #lastCount = 0;

  /** @param number selects the name of the player, and which of the two brokers it tries first */
  constructor(urls: readonly string[], number: number) {
    this.client = createClient({
      url: number % 2 === 0 ? urls : [...urls].reverse(),
      token: testToken({ kind: 'player', playerId: `p${number}` }),
      device: { kind: 'console', codecs: ['hevc'], maxResolution: '1080p' },
    });
  }

  /** Resolves when the player watches the stream of its session. */
  async play(): Promise<void> {
    const session = await this.client.play({
      title: 'drift',
      rtt: { old: 10, new: 50 },
      onMove: ({ host, ticket }) => this.#connectToNewHost(session, host.endpoint, ticket),
    });
    void session.ended.then((reason) => (this.endReason = reason));
    this.#viewer = await this.#watch(session.host.endpoint, session.ticket);
  }

  /** Watches the streams of both hosts until the broker reports the move. */
  async #connectToNewHost(session: Session, endpoint: string, ticket: string): Promise<void> {
    const before = this.#viewer;
    const after = await this.#watch(endpoint, ticket);
    session.on('moved', () => {
      this.moved = true;
      this.#viewer = after;
      before?.drop();
    });
  }

  /** Resolves when the host admits the player. */
  #watch(endpoint: string, ticket: string): Promise<StreamViewer> {
    return new Promise((resolve, reject) => {
      const viewer = watchStream(endpoint, ticket, {
        admitted: () => resolve(viewer),
        frame: (_, count) => this.#handleFrame(count),
        closed: (why) => reject(new Error(why)),
      });
    });
  }

  #handleFrame(count: number): void {
    const nowMs = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - (this.#lastFrameAtMs ?? nowMs));
    if (count <= this.#lastCount) this.countWentBack = true;
    this.#lastFrameAtMs = nowMs;
    this.#lastCount = count;
  }
}
