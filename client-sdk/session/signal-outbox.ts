import { MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';
import { DusklineError } from '../errors.js';

/** Together with all else that is said after a `welcome`, far less than a broker takes at once. */
const MAX_WAITING_SIGNALS = 64;

/** Signals of one session on their way to its host, in order, also over the time without a connection. */
export class SignalOutbox {
  readonly #send: (data: string) => boolean;
  #waiting: string[] = [];

  /** @param send whether it was handed to a connection whose broker knows the session */
  constructor(send: (data: string) => boolean) {
    this.#send = send;
  }

  /**
   * @throws TypeError for what no broker would take
   * @throws DusklineError `TOO_MANY_SIGNALS` when too many wait already
   */
  push(data: string): void {
    if (typeof data !== 'string' || data === '' || data.length > MAX_SIGNAL_LENGTH) {
      throw new TypeError(`A signal is a string of 1 to ${MAX_SIGNAL_LENGTH} characters.`);
    }
    if (this.#waiting.length === 0 && this.#send(data)) return;
    if (this.#waiting.length === MAX_WAITING_SIGNALS) {
      throw new DusklineError('TOO_MANY_SIGNALS', 'Too many signals wait already.', true);
    }
    this.#waiting.push(data);
  }

  flush(): void {
    while (this.#waiting[0] !== undefined && this.#send(this.#waiting[0])) this.#waiting.shift();
  }

  clear(): void {
    this.#waiting = [];
  }
}
