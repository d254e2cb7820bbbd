import { inspect } from 'node:util';
import type { Channel } from '@duskline/server/broker/connections/connections.js';

/** A message as its peer reads it. */
export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** Stands for the socket of a client or host, and keeps what a broker sends. */
export class RecordingChannel implements Channel<unknown> {
  /** The code with which the broker closed the connection. */
  closedWith: string | undefined;
  #unread: Frame[] = [];
  open = true;

  /**
   * @param onFrame called with each frame that the broker sends
   * @param onClosed called when the broker or the peer closes the connection
   */
  constructor(
    readonly connectionId: string,
    private readonly onFrame: (frame: Frame) => void,
    private readonly onClosed: () => void,
  ) {}

  send(message: unknown): void {
    if (!this.open) return;
    const frame = JSON.parse(JSON.stringify(message)) as Frame;
    this.#unread.push(frame);
    this.onFrame(frame);
  }

  closeWith(code: string): void {
    if (!this.open) return;
    this.closedWith = code;
    this.close();
  }

  /** Closes the connection, as the peer or the network does. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.onClosed();
  }

  /** Types of the frames that no test has taken. */
  get unread(): readonly string[] {
    return this.#unread.map(({ type }) => type);
  }

  /** Removes and returns the oldest unread frame of this type. Other frames stay. */
  take(type: string, fits: (frame: Frame) => boolean = () => true): Frame {
    const index = this.#unread.findIndex((frame) => frame.type === type && fits(frame));
    const [frame] = index < 0 ? [] : this.#unread.splice(index, 1);
    if (frame === undefined)
      throw new Error(`No ${type} that fits has come; unread: ${inspect(this.#unread)}`);
    return frame;
  }

  /** Removes all unread frames. */
  skip(): void {
    this.#unread = [];
  }
}
