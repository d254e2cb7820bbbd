import { HOST_PATH } from '@duskline/protocol/constants';
import { testToken } from '../../../support/fleet/test-broker.js';
import { textField, typeOf } from './frame-text.js';
import { OneTimeEvent } from './one-time-event.js';
import { openLeanSocket, type LeanSocket } from './lean-socket.js';

export interface LeanHostOptions {
  /** `ws://host:port` */
  readonly url: string;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  readonly slots: number;
  /** What it holds from the beginning. */
  readonly sessionIds?: readonly string[];
  /** Its load moves, as loads do, so that its place in the order changes with every heartbeat. Else all are alike. */
  readonly isLoaded?: boolean;
  /** Something came that should not. */
  readonly onTrouble: (what: string) => void;
}

/** A streaming host without a stream: says what hosts say, and lists what it holds. */
export class LeanHost {
  readonly hostId: string;
  readonly socket: LeanSocket;
  /** Sessions that it was told to expect and not yet to end. */
  expected = 0;
  /** Of all time. */
  prepared = 0;
  readonly #held = new Map<string, 'active' | 'connected'>();
  readonly #isLoaded: boolean;
  readonly #onTrouble: (what: string) => void;
  readonly #registered = new OneTimeEvent();
  readonly #register: string;

  constructor(options: LeanHostOptions) {
    const { url, hostId, region, pool, slots, sessionIds = [], isLoaded = false, onTrouble } = options;
    this.hostId = hostId;
    this.#isLoaded = isLoaded;
    this.#onTrouble = onTrouble;
    for (const sessionId of sessionIds) this.#held.set(sessionId, 'connected');
    this.socket = openLeanSocket({
      url: url + HOST_PATH,
      token: testToken({ kind: 'host', region, pool }),
      onText: (text) => this.#take(text),
      onClose: (why) => this.#fail(why),
    });
    const endpoint = `wss://${hostId}.${region}.example.com/stream`;
    const sessions = this.#listed();
    this.#register = JSON.stringify({ type: 'register', hostId, region, pool, slots, endpoint, sessions });
  }

  /** Resolves when it takes sessions, or will with its first reconciliation. */
  async register(): Promise<void> {
    await this.socket.opened;
    this.socket.send(this.#register);
    await this.#registered.opened;
    this.beat();
  }

  beat(): void {
    const load = (): number => (this.#isLoaded ? Math.round(200 + 300 * Math.random()) / 1_000 : 0.1);
    this.socket.send(
      JSON.stringify({
        type: 'heartbeat',
        load: { gpu: load(), encoder: load(), cpu: load(), network: load() },
        sessions: this.#listed(),
      }),
    );
  }

  report(sessionId: string, state: 'active' | 'connected'): void {
    this.#held.set(sessionId, state);
    this.socket.send(`{"type":"session","sessionId":"${sessionId}","epoch":1,"state":"${state}"}`);
  }

  #listed(): object[] {
    return Array.from(this.#held, ([sessionId, state]) => ({ sessionId, epoch: 1, state }));
  }

  #take(text: string): void {
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
    this.#onTrouble(what);
  }
}
