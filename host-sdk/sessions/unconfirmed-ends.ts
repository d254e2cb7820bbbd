import type { EndReason } from '@duskline/protocol';

/** The end of a session, as reported to the broker. */
export interface SessionEnd {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
}

/**
 * Ends that the broker may not know yet: those that could not be sent, and those after which the broker has sent nothing. They are
 * sent again after the next registration; brokers ignore repeated ends.
 *
 * Bounded: beyond the limit the oldest are dropped. The broker still learns of those ends, without their reason, because heartbeats
 * no longer list the sessions.
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

  /** The broker sent something, so the connection over which the ends were sent was alive. */
  confirmSent(): void {
    if (this.#ends.length > 0) this.#ends = this.#ends.filter(({ sent }) => !sent);
  }

  /** There is a new connection. Ends sent over the last one may not have arrived. */
  markAllUnsent(): void {
    for (const entry of this.#ends) entry.sent = false;
  }

  /** Sends all ends over the new connection. */
  resend(send: (end: SessionEnd) => boolean): void {
    for (const entry of this.#ends) entry.sent = send(entry.end);
  }
}
