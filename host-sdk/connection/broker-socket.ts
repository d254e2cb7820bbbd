import type { IncomingMessage } from 'node:http';
import { WebSocket, type RawData } from 'ws';
import type { HostToBroker } from '@duskline/protocol';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { MAX_HOST_FRAME_BYTES, SUBPROTOCOL } from '@duskline/protocol/constants';
import { isJsonObject, parseJson } from '@duskline/sdk-runtime';
import type { ConnectionFailure } from './connection-failure.js';

/** What a connection reports. `onLost` is called once; nothing follows it. */
export interface BrokerSocketHandlers {
  onOpen(): void;
  /** The broker sent a ping or a message. */
  onTraffic(): void;
  /** The broker answered the ping of this number. Messages sent after that ping may not have arrived yet. */
  onPong(ping: number): void;
  onFrame(text: string): void;
  onLost(failure: ConnectionFailure): void;
}

/** One WebSocket to one broker. Has no timers: its owner enforces deadlines. */
export interface BrokerSocket {
  /** Bytes that are waiting to be sent. */
  readonly bufferedBytes: number;
  /** Sends a message. Returns false if the socket is not open. */
  send(message: HostToBroker): boolean;
  /** Sends a ping with a number. `onPong` follows if the broker is alive. */
  ping(ping: number): void;
  /** Starts the closing handshake. `onLost` follows when the broker has answered. */
  close(code: number): void;
  /** Closes the socket at once, without a handshake. */
  terminate(): void;
}

/** How much of the body of a refused upgrade is read. */
const MAX_REFUSAL_BYTES = 4096;

/** Opens a WebSocket. The token is sent in the upgrade request and not kept. */
export function connectToBroker(url: string, token: string, handlers: BrokerSocketHandlers): BrokerSocket {
  const socket = new WebSocket(url, SUBPROTOCOL, {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: MAX_HOST_FRAME_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let isLost = false;
  let detail = 'closed before it opened';

  function reportLost(failure: ConnectionFailure): void {
    if (isLost) return;
    isLost = true;
    handlers.onLost(failure);
  }

  let opened = false;
  socket.on('open', () => {
    opened = true;
    handlers.onOpen();
  });
  socket.on('ping', () => handlers.onTraffic());
  socket.on('pong', (data: Buffer) => handlers.onPong(Number(data.toString('latin1'))));
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (isLost) return;
    handlers.onTraffic();
    // The binary type of a Node socket is a Buffer.
    if (!isBinary) handlers.onFrame((data as Buffer).toString('utf8'));
  });
  socket.on('error', (error) => {
    detail = error.message;
  });
  socket.on('close', (closeCode) =>
    reportLost(opened ? { kind: 'closed', closeCode } : { kind: 'network', detail }),
  );
  socket.on('unexpected-response', (_request, response) => {
    readUpgradeRefusal(response, (errorCode) => {
      const retryAfterMs = findRetryAfterMs(response);
      reportLost({
        kind: 'upgrade_refused',
        httpStatus: response.statusCode ?? 0,
        ...(errorCode === undefined ? {} : { errorCode }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      });
      socket.terminate();
    });
  });

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(message) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      // If sending fails, the event `close` follows.
      socket.send(JSON.stringify(message), () => undefined);
      return true;
    },
    ping(ping) {
      if (socket.readyState === WebSocket.OPEN) socket.ping(String(ping), undefined, () => undefined);
    },
    close: (code) => socket.close(code),
    terminate: () => socket.terminate(),
  };
}

/** Reads the error code of a refused upgrade, if its body is short JSON with a known `code`. */
function readUpgradeRefusal(response: IncomingMessage, done: (code: ErrorCode | undefined) => void): void {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    if (body.length < MAX_REFUSAL_BYTES) body += chunk;
    else response.destroy();
  });
  response.on('error', () => undefined);
  response.on('close', () => done(findErrorCode(body)));
}

/** The seconds of `Retry-After`, up to 9,999. A date is ignored: the clock of this machine may differ from the broker's. */
function findRetryAfterMs({ headers }: IncomingMessage): number | undefined {
  const [seconds] = /^\d{1,4}$/.exec(headers['retry-after'] ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

function findErrorCode(body: string): ErrorCode | undefined {
  const value = parseJson(body);
  // The body is the error itself, or has it in the field `error`.
  for (const holder of [value, isJsonObject(value) ? value['error'] : undefined]) {
    const code = isJsonObject(holder) ? holder['code'] : undefined;
    if (typeof code === 'string' && Object.hasOwn(ERRORS, code)) return code as ErrorCode;
  }
  return undefined;
}
