import { createServer, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { systemClock, type HostClock } from '../clock.js';
import type { HostAddress } from '../ticket-verifier.js';
import { StreamConnection, type StreamOwner } from './stream-connection.js';
import { MAX_STREAM_FRAME_BYTES } from './stream-protocol.js';

/** Streams are spread over this many turns, so that a thousand of them do not send in the same instant. */
const TURNS = 10;

/** How often is looked after deadlines when no pictures are sent, in milliseconds. */
const SWEEP_INTERVAL_MS = 250;

export interface StreamServerOptions {
  /** 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Default 127.0.0.1: the simulation is not for other machines. */
  readonly hostname?: string;
  /** The name by which clients reach it, where that is not the address it listens on. */
  readonly publicHostname?: string;
  /** From one picture of a stream to the next, in milliseconds; 0 sends none. Default 1000. */
  readonly frameIntervalMs?: number;
  /** Default: the computer's. */
  readonly clock?: HostClock;
}

/** Serves the streams of every simulated host of this process on one port. */
export interface StreamServer {
  readonly port: number;
  /** Open client connections, admitted or not. */
  readonly connections: number;
  /** Where the clients of a host connect: `ws://HOST:PORT/stream/<region>/<pool>/<hostId>`. */
  endpointOf(address: HostAddress): string;
  /**
   * Serves a host from now on. Throws when its address is taken.
   *
   * @returns drops its streams without a word and serves it no longer
   */
  attach(address: HostAddress, owner: StreamOwner): () => void;
  /** Drops every stream and frees the port. Repeated calls answer the first one's promise. */
  close(): Promise<void>;
}

/** Starts to listen; rejects when the port is taken. */
export async function createStreamServer(options: StreamServerOptions = {}): Promise<StreamServer> {
  const {
    port = 0,
    hostname = '127.0.0.1',
    publicHostname = hostname,
    frameIntervalMs = 1_000,
    clock = systemClock,
  } = options;
  const owners = new Map<string, StreamOwner>();
  const streams = new Map<StreamConnection, { readonly owner: StreamOwner; readonly turn: number }>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_STREAM_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const server = createServer((_request, response) => response.writeHead(426).end());

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const owner = owners.get(request.url ?? '');
    if (owner === undefined) {
      socket.end(`HTTP/1.1 404 ${STATUS_CODES[404] ?? ''}\r\nConnection: close\r\n\r\n`, () =>
        socket.destroy(),
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const stream = new StreamConnection(client, owner, () => clock.monotonicMs());
      opened += 1;
      streams.set(stream, { owner, turn: opened % TURNS });
      client.on('close', () => streams.delete(stream));
    });
  });

  let opened = 0;
  let turn = 0;
  let cancelTimer = (): void => undefined;
  const turnMs = frameIntervalMs > 0 ? frameIntervalMs / TURNS : SWEEP_INTERVAL_MS;

  /** The one timer of all hosts and streams. */
  function takeTurn(): void {
    cancelTimer = clock.setTimer(takeTurn, turnMs);
    const nowMs = clock.monotonicMs();
    turn = (turn + 1) % TURNS;
    for (const [stream, place] of streams) {
      if (frameIntervalMs > 0 && place.turn === turn) stream.sendFrame();
      stream.sweep(nowMs);
    }
    for (const owner of owners.values()) owner.sweep(nowMs);
  }

  /** Streams that were finished in order keep the time they have to close. */
  function dropStreamsOf(owner: StreamOwner): void {
    for (const [stream, place] of streams) {
      if (place.owner === owner && !stream.finishing) stream.terminate();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => {
      server.off('error', reject);
      resolve();
    });
  });
  cancelTimer = clock.setTimer(takeTurn, turnMs);
  const { port: boundPort } = server.address() as AddressInfo;
  const authority = `${publicHostname.includes(':') ? `[${publicHostname}]` : publicHostname}:${boundPort}`;
  let closing: Promise<void> | undefined;

  return {
    port: boundPort,
    get connections() {
      return streams.size;
    },
    endpointOf: (address) => `ws://${authority}${pathOf(address)}`,
    attach(address, owner) {
      const path = pathOf(address);
      if (owners.has(path)) throw new Error(`The stream server has a host at ${path} already.`);
      owners.set(path, owner);
      return () => {
        if (owners.get(path) === owner) owners.delete(path);
        dropStreamsOf(owner);
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

function pathOf({ region, pool, hostId }: HostAddress): string {
  return `/stream/${region}/${pool}/${hostId}`;
}
