import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { SUBPROTOCOL } from '@duskline/protocol/constants';

/** Options of `openLeanSocket`. */
export interface LeanSocketOptions {
  /** `ws://host:port/path` */
  readonly url: string;
  readonly token?: string;
  /** Called with each text frame. */
  readonly onText: (text: string) => void;
  readonly onClose?: (why: string) => void;
}

/** A minimal WebSocket client for the protocol: the loader must cost less than the server. */
export interface LeanSocket {
  /** Resolves when the server answers the upgrade with 101. */
  readonly opened: Promise<void>;
  /** Bytes of frames, including headers, since the socket opened; likewise `sent`. */
  readonly received: number;
  readonly sent: number;
  /** @param text ASCII, shorter than 64 KiB */
  send(text: string): void;
  /** Destroys the connection without a close frame. */
  cut(): void;
}

/** All sockets read into this buffer: each callback has consumed it before the next one runs. */
const ARRIVED = Buffer.allocUnsafe(256 * 1024);
const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
/** RFC 6455 requires an unpredictable mask to protect proxies. There is no proxy here, so a constant is enough. */
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

/** Opens a WebSocket. */
export function openLeanSocket(options: LeanSocketOptions): LeanSocket {
  return new FrameSocket(options);
}

class FrameSocket implements LeanSocket {
  readonly opened: Promise<void>;
  received = 0;
  sent = 0;
  readonly #socket: Socket;
  readonly #onText: (text: string) => void;
  #onClose: (why: string) => void;
  #isOpen = false;
  #setOpen: () => void = () => undefined;
  /** The received part of an incomplete frame. */
  #rest: Buffer | undefined;

  constructor({ url, token, onText, onClose = () => undefined }: LeanSocketOptions) {
    this.#onText = onText;
    this.#onClose = onClose;
    const { hostname, port, pathname } = new URL(url);
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: ARRIVED,
        callback: (length) => {
          this.#read(ARRIVED.subarray(0, length));
          return true;
        },
      },
    });
    this.opened = new Promise((resolve, reject) => {
      this.#setOpen = resolve;
      this.#socket.once('error', reject);
      this.#socket.once('close', () =>
        reject(new Error(`The connection to ${url} closed before it opened.`)),
      );
    });
    this.#socket.on('close', () => this.#onClose('the connection was lost'));
    this.#socket.write(
      [
        `GET ${pathname} HTTP/1.1`,
        `Host: ${hostname}:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
        ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
        '\r\n',
      ].join('\r\n'),
    );
  }

  send(text: string): void {
    this.#write(TEXT, Buffer.from(text, 'latin1'));
  }

  cut(): void {
    this.#onClose = () => undefined;
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Uint8Array): void {
    const { length } = payload;
    const start = length < 126 ? 6 : 8;
    const frame = Buffer.allocUnsafe(start + length);
    frame[0] = 0x80 | opcode;
    if (length < 126) frame[1] = 0x80 | length;
    else {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(length, 2);
    }
    for (let i = 0; i < 4; i += 1) frame[start - 4 + i] = MASK[i] ?? 0;
    for (let i = 0; i < length; i += 1) frame[start + i] = (payload[i] ?? 0) ^ (MASK[i & 3] ?? 0);
    this.sent += frame.length;
    this.#socket.write(frame);
  }

  #read(arrived: Buffer): void {
    const bytes = this.#rest === undefined ? arrived : Buffer.concat([this.#rest, arrived]);
    this.#rest = undefined;
    let at = this.#isOpen ? 0 : this.#readAnswer(bytes);
    while (this.#isOpen && bytes.length - at >= 2) {
      const [opcode, short] = [(bytes[at] ?? 0) & 0xf, (bytes[at + 1] ?? 0) & 0x7f];
      const start = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
      if (bytes.length < start) break;
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
      if (short === 127) throw new RangeError('The server sent a frame of more than 64 KiB.');
      if (bytes.length < start + length) break;
      this.received += start + length - at;
      this.#handleFrame(opcode, bytes, start, start + length);
      at = start + length;
    }
    // The rest is copied, because the next read overwrites the buffer.
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  /** @returns the offset of the first frame */
  #readAnswer(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const answer = bytes.toString('latin1', 0, end);
    if (!answer.startsWith('HTTP/1.1 101 ')) {
      this.#socket.destroy(new Error(`The server refused the upgrade: ${answer.split('\r\n', 1).join('')}`));
      return bytes.length;
    }
    this.#isOpen = true;
    this.#setOpen();
    return end + 4;
  }

  #handleFrame(opcode: number, bytes: Buffer, from: number, to: number): void {
    if (opcode === TEXT) this.#onText(bytes.toString('latin1', from, to));
    else if (opcode === PING) this.#write(PONG, bytes.subarray(from, to));
    else if (opcode === CLOSE) this.#onClose(`closed: ${bytes.toString('latin1', from + 2, to)}`);
  }
}
