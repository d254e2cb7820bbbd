import type { WebSocket } from 'ws';

interface Watched {
  readonly onDead: () => void;
  missed: number;
}

/**
 * Pings every socket and gives up on those that do not answer. One timer for all of them: an idle
 * connection costs no timer and no closure of its own beyond its entry.
 */
export class PingMonitor {
  readonly #sockets = new Map<WebSocket, Watched>();
  readonly #maxMissed: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: { readonly intervalMs: number; readonly maxMissed: number }) {
    this.#maxMissed = options.maxMissed;
    this.#timer = setInterval(() => this.#round(), options.intervalMs).unref();
  }

  watch(socket: WebSocket, onDead: () => void): void {
    this.#sockets.set(socket, { onDead, missed: 0 });
  }

  /** The peer gave a sign of life: a pong, or any message. */
  alive(socket: WebSocket): void {
    const watched = this.#sockets.get(socket);
    if (watched !== undefined) watched.missed = 0;
  }

  forget(socket: WebSocket): void {
    this.#sockets.delete(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#sockets.clear();
  }

  #round(): void {
    for (const [socket, watched] of this.#sockets) {
      if (watched.missed >= this.#maxMissed) {
        watched.onDead();
        socket.terminate();
        continue;
      }
      watched.missed += 1;
      socket.ping();
    }
  }
}
