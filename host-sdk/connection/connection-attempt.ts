import type { HostToBroker } from '@duskline/protocol';
import { connectToBroker, type BrokerSocket, type BrokerSocketHandlers } from './broker-socket.js';
import type { ConnectionFailure } from './connection-failure.js';

export interface AttemptHandlers extends BrokerSocketHandlers {
  /** Whether a connection is still wanted once there is a token. */
  isWanted(): boolean;
  /** There is no token, so no socket was opened. */
  onTokenFailed(failure: ConnectionFailure): void;
}

/** One attempt to connect to one broker, and the connection that it leads to. Reports nothing after `abandon`. */
export class ConnectionAttempt {
  readonly #handlers: AttemptHandlers;
  #socket: BrokerSocket | undefined;
  #isAbandoned = false;

  constructor(url: string, token: () => string | Promise<string>, handlers: AttemptHandlers) {
    this.#handlers = handlers;
    void this.#open(url, token);
  }

  /** Whether a socket was opened; it may be closed again. */
  get hasSocket(): boolean {
    return this.#socket !== undefined;
  }

  /** Bytes that are waiting to be sent. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  /** Returns false if the socket is not open. */
  send(message: HostToBroker): boolean {
    return this.#socket?.send(message) ?? false;
  }

  ping(ping: number): void {
    this.#socket?.ping(ping);
  }

  close(code: number): void {
    this.#socket?.close(code);
  }

  terminate(): void {
    this.#socket?.terminate();
  }

  /** Drops the socket. Whatever still arrives is ignored. */
  abandon(): void {
    this.#isAbandoned = true;
    this.terminate();
  }

  async #open(url: string, requestToken: () => string | Promise<string>): Promise<void> {
    let token: string;
    try {
      // In a later microtask, so that the application can add its listeners before anything fails.
      token = await Promise.resolve().then(requestToken);
    } catch {
      this.#report(() => this.#handlers.onTokenFailed({ kind: 'token' }));
      return;
    }
    if (this.#isAbandoned || !this.#handlers.isWanted()) return;
    const handlers = this.#handlers;
    try {
      this.#socket = connectToBroker(url, token, {
        onOpen: () => this.#report(() => handlers.onOpen()),
        onTraffic: () => this.#report(() => handlers.onTraffic()),
        onPong: (ping) => this.#report(() => handlers.onPong(ping)),
        onFrame: (text) => this.#report(() => handlers.onFrame(text)),
        onLost: (failure) => this.#report(() => handlers.onLost(failure)),
      });
    } catch {
      // The token has characters that no HTTP header can contain.
      handlers.onTokenFailed({ kind: 'token' });
    }
  }

  #report(report: () => void): void {
    if (!this.#isAbandoned) report();
  }
}
