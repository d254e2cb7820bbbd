import { MAX_FRAME_BYTES, MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';
import type { SessionRecord } from './session-record.js';

/** So many signals of one session wait for a broker. */
const MAX_SIGNALS_PER_SESSION = 64;

/** So many of all sessions: they go out at once, and a broker takes only so much at once. */
const MAX_SIGNALS = 1_024;

/** Leaves room for the rest of the frame. A character may take six bytes once it is escaped. */
const MAX_DATA_BYTES = MAX_FRAME_BYTES - 2_048;

/** Throws a RangeError for what no broker would pass on; one that is sent it drops it, or the connection. */
export function checkSignalData(data: string): void {
  const tooLong = data.length > MAX_SIGNAL_LENGTH || Buffer.byteLength(JSON.stringify(data)) > MAX_DATA_BYTES;
  if (data !== '' && !tooLong) return;
  throw new RangeError(
    `A signal has 1 to ${MAX_SIGNAL_LENGTH} characters, and at most ${MAX_DATA_BYTES} bytes as JSON.`,
  );
}

/** Signals that wait for a connection to a broker, in the order in which they were given. */
export class UnsentSignals {
  #waiting: { readonly record: SessionRecord; readonly data: string }[] = [];

  /** False when too many wait already. The newest is refused, not the oldest: no exchange may lose its beginning. */
  add(record: SessionRecord, data: string): boolean {
    if (this.#waiting.length >= MAX_SIGNALS) this.#dropEnded();
    if (this.#waiting.length >= MAX_SIGNALS) return false;
    if (this.#waiting.filter((signal) => signal.record === record).length >= MAX_SIGNALS_PER_SESSION)
      return false;
    this.#waiting.push({ record, data });
    return true;
  }

  /** Hands out those of sessions that still are, until one cannot be sent. */
  flush(send: (record: SessionRecord, data: string) => boolean): void {
    this.#dropEnded();
    const failed = this.#waiting.findIndex(({ record, data }) => !send(record, data));
    this.#waiting = failed < 0 ? [] : this.#waiting.slice(failed);
  }

  #dropEnded(): void {
    this.#waiting = this.#waiting.filter(({ record }) => record.state !== 'ended');
  }
}
