import { CLIENT_PATH } from '@duskline/protocol/constants';
import { TEST_DEVICE, testToken } from '../../../support/fleet/test-broker.js';
import { textField, typeOf } from './frame-text.js';
import type { LeanHost } from './lean-host.js';
import { OneTimeEvent } from './one-time-event.js';
import { openLeanSocket, type LeanSocket } from './lean-socket.js';

/** Called with the events of each match. */
export interface MatchListener {
  /** The player received `matched`. */
  matched(player: LeanPlayer): void;
  /** The player received a state that its session had left before. */
  wentBack(player: LeanPlayer): void;
  /** The session has ended, so the player may request another one. */
  over(player: LeanPlayer): void;
}

/** Options of `LeanPlayer`. */
export interface LeanPlayerOptions {
  /** `ws://host:port` */
  readonly url: string;
  readonly playerId: string;
  readonly hosts: ReadonlyMap<string, LeanHost>;
  readonly listener: MatchListener;
  /** Called for an unexpected frame or close. */
  readonly onFailure: (what: string) => void;
}

/** Round-trip times with two regions within the latency policy, and one outside. */
const RTT = JSON.stringify({ near: 11.4, next: 34.2, far: 241 });

/** A player without the SDK, as cheap as possible: it requests a session, is admitted, connects, and ends the session. */
export class LeanPlayer {
  readonly playerId: string;
  readonly socket: LeanSocket;
  /** The scheduled time of the current match, by `nowMicros`. */
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
      onText: (text) => this.#handleFrame(text),
      onClose: (why) => this.#fail(why),
    });
  }

  /** Connects and sends `hello`. @param expectsWelcome `false` for a server that answers nothing */
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

  #handleFrame(text: string): void {
    switch (typeOf(text)) {
      case 'matched':
        this.#options.listener.matched(this);
        this.#stage = 'matched';
        this.#sessionId = textField(text, 'sessionId');
        this.#host = this.#options.hosts.get(textField(text, 'hostId'));
        this.#host?.report(this.#sessionId, 'active');
        return;
      case 'session':
        this.#handleSessionState(textField(text, 'state'), text);
        return;
      case 'welcome':
        this.#welcome.open();
        return;
      default:
        this.#fail(`got ${text}`);
    }
  }

  #handleSessionState(state: string, text: string): void {
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
    this.#options.onFailure(what);
  }
}
