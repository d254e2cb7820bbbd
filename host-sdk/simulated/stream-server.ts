import { type Clock, systemClock } from '@duskline/sdk-runtime';
import { createServer, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { HostAddress } from '../admission/ticket-verifier.js';
import { StreamConnection, type StreamHandler } from './stream-connection.js';
import { MAX_STREAM_FRAME_BYTES } from './stream-protocol.js';

/** Streams are divided into this many groups that send at different times, to avoid bursts. */
const SEND_GROUPS = 10;

/** How often deadlines are checked if no frames are sent, in milliseconds. */
const SWEEP_INTERVAL_MS = 250;

export interface StreamServerOptions {
  /** 0 takes a free port. Default 0. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1, so that only this machine can connect. */
  readonly hostname?: string;
  /** The hostname in endpoints. Default: `hostname`. */
  readonly publicHostname?: string;
  /** Interval of a stream's frames, in milliseconds; 0 sends none. Default 1000. */
  readonly frameIntervalMs?: number;
  /** Default: the computer's clock. */
  readonly clock?: Clock;
}

/** Serves the streams of every simulated host of this process on one port. */
export interface StreamServer {
  readonly port: number;
  /** Open client connections, admitted or not. */
  readonly connections: number;
  /** The URL for clients of a host: `ws://HOST:PORT/stream/<region>/<pool>/<hostId>`. */
  formatEndpoint(address: HostAddress): string;
  /**
   * Starts to serve a host.
   *
   * @returns a function that drops the host's streams without a message, and stops serving it
   * @throws Error if a host of this address is served already
   */
  attach(address: HostAddress, owner: StreamHandler): () => void;
  /** Drops every stream and frees the port. Repeated calls return the same promise. */
  close(): Promise<void>;
}

/** Creates a stream server that listens. Rejects if the port is in use. */
export async function createStreamServer(options: StreamServerOptions = {}): Promise<StreamServer> {
  const {
    port = 0,
    hostname = '127.0.0.1',
    publicHostname = hostname,
    frameIntervalMs = 1_000,
    clock = systemClock,
  } = options;
  const handlers = new Map<string, StreamHandler>();
  const streams = new Map<StreamConnection, { readonly handler: StreamHandler; readonly group: number }>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_STREAM_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const server = createServer((_request, response) => response.writeHead(426).end());

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const handler = handlers.get(request.url ?? '');
    if (handler === undefined) {
      socket.end(`HTTP/1.1 404 ${STATUS_CODES[404] ?? ''}\r\nConnection: close\r\n\r\n`, () =>
        socket.destroy(),
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const stream = new StreamConnection(client, handler, () => clock.monotonicMs());
      opened += 1;
      streams.set(stream, { handler, group: opened % SEND_GROUPS });
      client.on('close', () => streams.delete(stream));
    });
  });

  let opened = 0;
  let group = 0;
  let cancelTimer = (): void => undefined;
  const groupIntervalMs = frameIntervalMs > 0 ? frameIntervalMs / SEND_GROUPS : SWEEP_INTERVAL_MS;

  /** All hosts and streams share this timer. */
  function runNextGroup(): void {
    cancelTimer = clock.setTimer(runNextGroup, groupIntervalMs);
    const nowMs = clock.monotonicMs();
    group = (group + 1) % SEND_GROUPS;
    for (const [stream, entry] of streams) {
      if (frameIntervalMs > 0 && entry.group === group) stream.sendFrame();
      stream.sweep(nowMs);
    }
    for (const handler of handlers.values()) handler.sweep(nowMs);
  }

  /** Streams that are closing keep their time for the handshake. */
  function dropStreams(handler: StreamHandler): void {
    for (const [stream, entry] of streams) {
      if (entry.handler === handler && !stream.isClosing) stream.terminate();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => {
      server.off('error', reject);
      resolve();
    });
  });
  cancelTimer = clock.setTimer(runNextGroup, groupIntervalMs);
  const { port: boundPort } = server.address() as AddressInfo;
  const authority = `${publicHostname.includes(':') ? `[${publicHostname}]` : publicHostname}:${boundPort}`;
  let closing: Promise<void> | undefined;

  return {
    port: boundPort,
    get connections() {
      return streams.size;
    },
    formatEndpoint: (address) => `ws://${authority}${formatPath(address)}`,
    attach(address, handler) {
      const path = formatPath(address);
      if (handlers.has(path)) throw new Error(`The stream server already has a host at ${path}.`);
      handlers.set(path, handler);
      return () => {
        if (handlers.get(path) === handler) handlers.delete(path);
        dropStreams(handler);
      };
    },
    close() {
      closing ??= new Promise<void>((resolve) => {
        cancelTimer();
        for (const stream of streams.keys()) stream.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function formatPath({ region, pool, hostId }: HostAddress): string {
  return `/stream/${region}/${pool}/${hostId}`;
}
