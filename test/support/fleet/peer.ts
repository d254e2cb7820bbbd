import { once } from 'node:events';
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { within } from '../time/deadline.js';

/** A received frame, not validated. */
export type Frame = Record<string, unknown> & { readonly type: string };

/** Close code and reason that a peer received. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

const DEADLINE_MS = 5_000;

/**
 * A bare WebSocket peer that uses none of our SDKs. It buffers every frame until a test takes it, so that no frame is
 * missed. `next` rejects at its deadline, and the error lists the buffered frames.
 */
export class Peer {
  readonly closed: Promise<CloseInfo>;
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  /** Called when a frame has arrived. */
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      this.#frames.push(JSON.parse(data.toString('utf8')) as Frame);
      for (const check of [...this.#waiting]) check();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
    socket.on('error', () => undefined);
  }

  /** Connects to a path of a broker. Resolves when the connection is open. */
  static async open(
    url: string,
    path: string,
    options: {
      readonly token?: string;
      readonly protocols?: readonly string[];
      /** `false`: the peer does not answer pings, so that the broker considers it dead. */
      readonly autoPong?: boolean;
    } = {},
  ): Promise<Peer> {
    const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    const target = url.replace(/^http/, 'ws') + path;
    const socket = new WebSocket(target, [...(options.protocols ?? [SUBPROTOCOL])], {
      headers,
      autoPong: options.autoPong ?? true,
    });
    const peer = new Peer(socket);
    await once(socket, 'open');
    return peer;
  }

  get socket(): WebSocket {
    return this.#socket;
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  /** Removes and returns the next frame of this type that `fits` accepts. Other frames stay in the buffer. */
  async next(type: string, fits: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return this.#takeFrame(`"${type}"`, (frame) => frame.type === type && fits(frame));
  }

  /** The next frame of one of these types that fits. */
  async nextOf(types: readonly string[], fits: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return this.#takeFrame(types.map((type) => `"${type}"`).join(' or '), (frame) => {
      return types.includes(frame.type) && fits(frame);
    });
  }

  /** The next frame, whatever its type. */
  async nextFrame(): Promise<Frame> {
    return this.#takeFrame('frame', () => true);
  }

  /** The answer to a request: `matched`, `replaced`, or `error` with its id. */
  async answer(requestId: string): Promise<Frame> {
    return this.#takeFrame(`the answer to ${requestId}`, (frame) => {
      return ['matched', 'replaced', 'error'].includes(frame.type) && frame['requestId'] === requestId;
    });
  }

  async #takeFrame(what: string, fits: (frame: Frame) => boolean): Promise<Frame> {
    const take = (): Frame | undefined => {
      const index = this.#frames.findIndex(fits);
      return index < 0 ? undefined : this.#frames.splice(index, 1)[0];
    };
    const buffered = take();
    if (buffered !== undefined) return buffered;
    let check: () => void = () => undefined;
    const arrived = new Promise<Frame>((resolve, reject) => {
      check = () => {
        const frame = take();
        if (frame === undefined) return;
        this.#waiting.delete(check);
        resolve(frame);
      };
      this.#waiting.add(check);
      void this.closed.then(({ code, reason }) => {
        reject(
          new Error(`The connection was closed with ${code} "${reason}" before the peer received ${what}.`),
        );
      });
    });
    try {
      const awaited = (): string => `${what} arrives; unread: ${JSON.stringify(this.#frames)}`;
      return await within(DEADLINE_MS, awaited, arrived);
    } finally {
      this.#waiting.delete(check);
    }
  }

  /** Frames that were received and that no test has taken. */
  get unread(): readonly Frame[] {
    return this.#frames;
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    await this.closed;
  }

  /** Destroys the socket without a close frame, as a network failure does. */
  terminate(): void {
    this.#socket.terminate();
  }
}
