import type { EndReason } from '@duskline/protocol';

/** A session that ended here, as it has to be told. */
export interface SessionEnd {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
}

/**
 * Ends that the broker may not know yet: those that could not be sent, and those that were sent over a
 * connection from which nothing has been heard since. They are told again after the next registration; a
 * broker takes the repetition of an end for what it is.
 *
 * Bounded: past the limit the oldest go. Their sessions are missing from the heartbeat's list, so the broker
 * finds out all the same, only without the reason.
 */
export class UnconfirmedEnds {
  readonly #limit: number;
  #ends: { readonly end: SessionEnd; sent: boolean }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(end: SessionEnd, sent: boolean): void {
    this.#ends.push({ end, sent });
    if (this.#ends.length > this.#limit) this.#ends.shift();
  }

  /** Something arrived from the broker: the connection on which they were sent was alive. */
  confirmSent(): void {
    if (this.#ends.length > 0) this.#ends = this.#ends.filter(({ sent }) => !sent);
  }

  /** The connection is another one: what was sent over the last one may not have arrived. */
  markAllUnsent(): void {
    for (const entry of this.#ends) entry.sent = false;
  }

  /** Hands out all of them, to be sent over a new connection. */
  resend(send: (end: SessionEnd) => boolean): void {
    for (const entry of this.#ends) entry.sent = send(entry.end);
  }
}
