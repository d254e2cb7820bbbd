import { CLIENT_PATH } from '@duskline/protocol/constants';
import { TEST_DEVICE, testToken } from '../../../support/fleet/test-broker.js';
import { textField, typeOf } from './frame-text.js';
import type { LeanHost } from './lean-host.js';
import { OneTimeEvent } from './one-time-event.js';
import { openLeanSocket, type LeanSocket } from './lean-socket.js';

/** What becomes of one match. */
export interface MatchListener {
  /** `matched` came. */
  matched(player: LeanPlayer): void;
  /** The player was told of a state that its session had left before. */
  wentBack(player: LeanPlayer): void;
  /** The session has ended: the player may ask again. */
  over(player: LeanPlayer): void;
}

export interface LeanPlayerOptions {
  /** `ws://host:port` */
  readonly url: string;
  readonly playerId: string;
  readonly hosts: ReadonlyMap<string, LeanHost>;
  readonly listener: MatchListener;
  /** Something came that should not. */
  readonly onTrouble: (what: string) => void;
}

/** As a player far from nowhere measures: two regions in reach, one not. */
const RTT = JSON.stringify({ near: 11.4, next: 34.2, far: 241 });

/** A player without a screen: asks, is let in by its host, is connected, and ends. */
export class LeanPlayer {
  readonly playerId: string;
  readonly socket: LeanSocket;
  /** When the present match was due, by `nowMicros`. */
  dueMicros = 0;
  #requests = 0;
  #stage: 'matched' | 'active' | 'connected' | 'ended' = 'ended';
  #sessionId = '';
  #host: LeanHost | undefined;
  readonly #options: LeanPlayerOptions;
  readonly #welcome = new OneTimeEvent();

  constructor(options: LeanPlayerOptions) {
    const { url, playerId } = options;
    this.playerId = playerId;
    this.#options = options;
    this.socket = openLeanSocket({
      url: url + CLIENT_PATH,
      onText: (text) => this.#take(text),
      onClose: (why) => this.#fail(why),
    });
  }

  /** @param expectsWelcome `false` for a server that answers nothing */
  async enter(expectsWelcome = true): Promise<void> {
    await this.socket.opened;
    const token = testToken({ kind: 'player', playerId: this.playerId });
    this.socket.send(JSON.stringify({ type: 'hello', token, device: TEST_DEVICE }));
    if (expectsWelcome) await this.#welcome.opened;
  }

  play(dueMicros: number): void {
    this.dueMicros = dueMicros;
    this.#requests += 1;
    const requestId = `${this.playerId}-${this.#requests}`.padEnd(36, '-');
    this.socket.send(`{"type":"play","requestId":"${requestId}","title":"drift","rtt":${RTT}}`);
  }

  #take(text: string): void {
    switch (typeOf(text)) {
      case 'matched':
        this.#options.listener.matched(this);
        this.#stage = 'matched';
        this.#sessionId = textField(text, 'sessionId');
        this.#host = this.#options.hosts.get(textField(text, 'hostId'));
        this.#host?.report(this.#sessionId, 'active');
        return;
      case 'session':
        this.#follow(textField(text, 'state'), text);
        return;
      case 'welcome':
        this.#welcome.open();
        return;
      default:
        this.#fail(`got ${text}`);
    }
  }

  #follow(state: string, text: string): void {
    if (state === 'ended' && text.includes('"reason":"client_left"')) {
      this.#stage = 'ended';
      this.#options.listener.over(this);
    } else if (state === 'active' && this.#stage === 'matched') {
      this.#stage = 'active';
      this.#host?.report(this.#sessionId, 'connected');
    } else if (state === 'connected' && this.#stage === 'active') {
      this.#stage = 'connected';
      this.socket.send(`{"type":"end","sessionId":"${this.#sessionId}"}`);
    } else if (state === 'reserved' || state === 'active') this.#options.listener.wentBack(this);
    else this.#fail(`got ${text}`);
  }

  #fail(why: string): void {
    const what = `player ${this.playerId}: ${why}`;
    this.#welcome.fail(what);
    this.#options.onTrouble(what);
  }
}
