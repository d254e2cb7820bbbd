import { MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';
import { DusklineError } from '../errors.js';

/** A burst of this size after a `welcome` is far below the broker's rate limit. */
const MAX_WAITING_SIGNALS = 64;

/** Signals of one session to its host. Keeps their order, and stores them while there is no connection. */
export class SignalOutbox {
  readonly #send: (data: string) => boolean;
  #waiting: string[] = [];

  /** @param send returns false if there is no connection whose broker knows the session */
  constructor(send: (data: string) => boolean) {
    this.#send = send;
  }

  /**
   * @throws TypeError for data that brokers refuse
   * @throws DusklineError `TOO_MANY_SIGNALS` if 64 signals are waiting
   */
  push(data: string): void {
    if (typeof data !== 'string' || data === '' || data.length > MAX_SIGNAL_LENGTH) {
      throw new TypeError(`A signal is a string of 1 to ${MAX_SIGNAL_LENGTH} characters.`);
    }
    if (this.#waiting.length === 0 && this.#send(data)) return;
    if (this.#waiting.length === MAX_WAITING_SIGNALS) {
      throw new DusklineError(
        'TOO_MANY_SIGNALS',
        `${MAX_WAITING_SIGNALS} signals are waiting for a connection.`,
        true,
      );
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
