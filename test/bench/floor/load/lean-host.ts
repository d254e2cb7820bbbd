import { HOST_PATH } from '@duskline/protocol/constants';
import { testToken } from '../../../support/fleet/test-broker.js';
import { textField, typeOf } from './frame-text.js';
import { OneTimeEvent } from './one-time-event.js';
import { openLeanSocket, type LeanSocket } from './lean-socket.js';

/** Options of `LeanHost`. */
export interface LeanHostOptions {
  /** `ws://host:port` */
  readonly url: string;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  readonly slots: number;
  /** Sessions that the host holds from the beginning. */
  readonly sessionIds?: readonly string[];
  /** Whether the load varies, so that the position of the host in the order changes with every heartbeat. */
  readonly isLoaded?: boolean;
  /** Called for an unexpected frame or close. */
  readonly onFailure: (what: string) => void;
}

/** A host without a stream and without the SDK, as cheap as possible. */
export class LeanHost {
  readonly hostId: string;
  readonly socket: LeanSocket;
  /** Sessions that were prepared and have not ended. */
  expected = 0;
  /** Sessions that were prepared since the start. */
  prepared = 0;
  readonly #held = new Map<string, 'active' | 'connected'>();
  readonly #isLoaded: boolean;
  readonly #onFailure: (what: string) => void;
  readonly #registered = new OneTimeEvent();
  readonly #register: string;

  constructor(options: LeanHostOptions) {
    const { url, hostId, region, pool, slots, sessionIds = [], isLoaded = false, onFailure } = options;
    this.hostId = hostId;
    this.#isLoaded = isLoaded;
    this.#onFailure = onFailure;
    for (const sessionId of sessionIds) this.#held.set(sessionId, 'connected');
    this.socket = openLeanSocket({
      url: url + HOST_PATH,
      token: testToken({ kind: 'host', region, pool }),
      onText: (text) => this.#handleFrame(text),
      onClose: (why) => this.#fail(why),
    });
    const endpoint = `wss://${hostId}.${region}.example.com/stream`;
    const sessions = this.#listSessions();
    this.#register = JSON.stringify({ type: 'register', hostId, region, pool, slots, endpoint, sessions });
  }

  /** Resolves when the host is registered: it takes sessions after its first heartbeat. */
  async register(): Promise<void> {
    await this.socket.opened;
    this.socket.send(this.#register);
    await this.#registered.opened;
    this.sendHeartbeat();
  }

  sendHeartbeat(): void {
    const load = (): number => (this.#isLoaded ? Math.round(200 + 300 * Math.random()) / 1_000 : 0.1);
    this.socket.send(
      JSON.stringify({
        type: 'heartbeat',
        load: { gpu: load(), encoder: load(), cpu: load(), network: load() },
        sessions: this.#listSessions(),
      }),
    );
  }

  report(sessionId: string, state: 'active' | 'connected'): void {
    this.#held.set(sessionId, state);
    this.socket.send(`{"type":"session","sessionId":"${sessionId}","epoch":1,"state":"${state}"}`);
  }

  #listSessions(): object[] {
    return Array.from(this.#held, ([sessionId, state]) => ({ sessionId, epoch: 1, state }));
  }

  #handleFrame(text: string): void {
    switch (typeOf(text)) {
      case 'prepare':
        this.expected += 1;
        this.prepared += 1;
        return;
      case 'end':
        this.expected -= 1;
        this.#held.delete(textField(text, 'sessionId'));
        return;
      case 'registered':
        this.#registered.open();
        return;
      default:
        this.#fail(`got ${text}`);
    }
  }

  #fail(why: string): void {
    const what = `host ${this.hostId}: ${why}`;
    this.#registered.fail(what);
    this.#onFailure(what);
  }
}
