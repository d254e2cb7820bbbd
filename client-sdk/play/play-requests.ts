import type { Matched } from '@duskline/protocol';
import type { RequestMessage } from '../connection/broker-socket.js';
import type { DusklineError } from '../errors.js';
import type { Session } from '../session/session.js';
import type { PlayRequest } from './play-request.js';
import { isLeaving, isUnsent } from './play-state.js';

/** The requests of a client that are not over. */
export class PlayRequests {
  readonly #isConnected: () => boolean;
  readonly #requests = new Map<string, PlayRequest>();

  constructor(isConnected: () => boolean) {
    this.#isConnected = isConnected;
  }

  get sessions(): readonly Session[] {
    return [...this.#requests.values()].flatMap(({ session }) => session ?? []);
  }

  has(requestId: string): boolean {
    return this.#requests.has(requestId);
  }

  add(request: PlayRequest): void {
    this.#requests.set(request.requestId, request);
    this.sendWaiting();
  }

  /** Call it when the state of a request has changed. */
  handleChange({ requestId, state }: PlayRequest): void {
    if (state.phase === 'over') this.#requests.delete(requestId);
    this.sendWaiting();
  }

  /**
   * Sends the messages that wait for a connection. A new request waits until the broker has confirmed the end or cancel of earlier
   * ones: otherwise it would be refused with `SESSION_EXISTS`.
   */
  sendWaiting(): void {
    if (!this.#isConnected()) return;
    const requests = [...this.#requests.values()];
    const isBlocked = requests.some(({ state }) => isLeaving(state));
    for (const request of requests) {
      const { state } = request;
      if (isUnsent(state) && !(isBlocked && state.phase === 'asking')) request.dispatch({ type: 'ready' });
    }
  }

  handleDisconnect(): void {
    for (const request of [...this.#requests.values()]) request.dispatch({ type: 'disconnected' });
  }

  close(error: DusklineError): void {
    for (const request of [...this.#requests.values()]) request.dispatch({ type: 'close', error });
  }

  handleMessage(message: RequestMessage): void {
    if (message.type === 'matched') this.#handleMatched(message);
    else this.#findRequest(message)?.handleMessage(message);
  }

  #handleMatched(match: Matched): void {
    const previousRequest = this.#findRequestOfSession(match.sessionId);
    const request = this.#requests.get(match.requestId);
    request?.handleMessage(match);
    // The request resumed a session of another request of this client. Events of the session go to the new one from now on.
    if (previousRequest !== request && request?.session?.sessionId === match.sessionId)
      previousRequest?.dispatch({ type: 'ended', reason: 'superseded' });
  }

  /** Finds by request id if the message has one. `moving` belongs to the request that has the session now. */
  #findRequest(message: Exclude<RequestMessage, Matched>): PlayRequest | undefined {
    return message.type !== 'moving' && 'requestId' in message
      ? this.#requests.get(message.requestId)
      : this.#findRequestOfSession('sessionId' in message ? message.sessionId : undefined);
  }

  #findRequestOfSession(sessionId: string | undefined): PlayRequest | undefined {
    return [...this.#requests.values()].find(({ session }) => session?.sessionId === sessionId);
  }
}
