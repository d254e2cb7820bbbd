import { MAX_FRAME_BYTES, MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';
import type { SessionRecord } from './session-record.js';

/** How many signals of one session are kept. */
const MAX_SIGNALS_PER_SESSION = 64;

/** How many signals of all sessions are kept. They are sent in one burst, and brokers limit bursts. */
const MAX_SIGNALS = 1_024;

/** Leaves room for the rest of the frame. An escaped character takes up to six bytes. */
const MAX_DATA_BYTES = MAX_FRAME_BYTES - 2_048;

/** @throws RangeError for data that makes a broker drop the signal or the connection */
export function checkSignalData(data: string): void {
  const tooLong = data.length > MAX_SIGNAL_LENGTH || Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES;
  if (data !== '' && !tooLong) return;
  throw new RangeError(
    `A signal has 1 to ${MAX_SIGNAL_LENGTH} characters, and at most ${MAX_DATA_BYTES} bytes as JSON.`,
  );
}

/** Signals that wait for a connection to a broker, in order. */
export class UnsentSignals {
  #waiting: { readonly record: SessionRecord; readonly data: string }[] = [];

  /** Returns false if too many are waiting. The newest is refused, because an exchange is useless without its beginning. */
  add(record: SessionRecord, data: string): boolean {
    if (this.#waiting.length >= MAX_SIGNALS) this.#dropEnded();
    if (this.#waiting.length >= MAX_SIGNALS) return false;
    if (this.#waiting.filter((signal) => signal.record === record).length >= MAX_SIGNALS_PER_SESSION)
      return false;
    this.#waiting.push({ record, data });
    return true;
  }

  /** Sends the signals of sessions that have not ended, until one cannot be sent. */
  flush(send: (record: SessionRecord, data: string) => boolean): void {
    this.#dropEnded();
    const failed = this.#waiting.findIndex(({ record, data }) => !send(record, data));
    this.#waiting = failed < 0 ? [] : this.#waiting.slice(failed);
  }

  #dropEnded(): void {
    this.#waiting = this.#waiting.filter(({ record }) => record.state !== 'ended');
  }
}
