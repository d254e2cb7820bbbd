import type { HostToBroker } from '@duskline/protocol';
import type { SessionRecord } from './session-record.js';
import { UnconfirmedEnds, type SessionEnd } from './unconfirmed-ends.js';
import { UnsentSignals } from './unsent-signals.js';

/**
 * What a host reports to its broker about sessions. Keeps ends and signals that could not be sent, or may not have arrived,
 * for the next registration. States are not kept: the next heartbeat lists them.
 */
export class SessionReports {
  readonly #send: (message: HostToBroker) => boolean;
  readonly #unconfirmedEnds: UnconfirmedEnds;
  readonly #unsentSignals = new UnsentSignals();

  /** @param send returns false if there is no registered connection */
  constructor(slots: number, send: (message: HostToBroker) => boolean) {
    this.#send = send;
    this.#unconfirmedEnds = new UnconfirmedEnds(64 + 2 * slots);
  }

  reportState({ sessionId, epoch, state, begun }: SessionRecord): void {
    if (state !== 'active' && state !== 'connected' && state !== 'disconnected') return;
    this.#send({ type: 'session', sessionId, epoch, state, ...(begun ? {} : { restored: true }) });
  }

  reportEnd(end: SessionEnd): void {
    this.#unconfirmedEnds.add(end, this.#sendEnd(end));
  }

  /** Returns false if the signal can be neither sent nor kept. */
  reportSignal(record: SessionRecord, data: string): boolean {
    return this.#sendSignal(record, data) || this.#unsentSignals.add(record, data);
  }

  /** A new connection was opened. What was sent over the last one may not have arrived. */
  handleReconnected(): void {
    this.#unconfirmedEnds.markAllUnsent();
  }

  /** The broker sent something, so what was sent before has arrived. */
  handleTraffic(): void {
    this.#unconfirmedEnds.confirmSent();
  }

  resendEnds(): void {
    this.#unconfirmedEnds.resend((end) => this.#sendEnd(end));
  }

  resendSignals(): void {
    this.#unsentSignals.flush((record, data) => this.#sendSignal(record, data));
  }

  #sendEnd(end: SessionEnd): boolean {
    return this.#send({ type: 'session', state: 'ended', ...end });
  }

  #sendSignal({ sessionId, epoch }: SessionRecord, data: string): boolean {
    return this.#send({ type: 'signal', sessionId, epoch, data });
  }
}
