import { CLIENT_PATH, HOST_PATH, MAX_FRAGMENTS, SUBPROTOCOL } from '@duskline/protocol/constants';
import type { BrokerToClient, BrokerToHost } from '@duskline/protocol';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import type { MessageType } from '@duskline/protocol/validation';
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type Server as UpgradeServer } from 'ws';
import type { Broker } from '../broker/broker.js';
import type { Logger } from '../broker/logger.js';
import type { HostBinding } from '../broker/hosts/register-host.js';
import type { Limits } from '../domain/limits.js';
import type { Runtime } from '../runtime/runtime.js';
import { drawRetryMs } from '../broker/refusal.js';
import { AdmissionQueue } from './admission-queue.js';
import type { AdmitPlayer } from './admit-player.js';
import type { Authenticate } from './authenticate.js';
import { ClientMessageHandler } from './client-message-handler.js';
import { ConnectionHandler, type MessageHandler, type ConnectionRules } from './connection-handler.js';
import { HostMessageHandler } from './host-message-handler.js';
import type { MessageRate } from './message-budget.js';
import { PeerSocket } from './peer-socket.js';
import { PingMonitor } from './ping-monitor.js';
import { CLOSE_GRACE_MS, SocketChannel, type SocketRules } from './socket.js';
import { WaitingUpgrade } from './waiting-upgrade.js';
import { WriteQueue } from './write-queue.js';

/** The collaborators of the WebSocket server. */
export interface SocketServerOptions {
  readonly broker: Broker;
  readonly limits: Limits;
  readonly log: Logger;
  readonly admitPlayer: AdmitPlayer;
  readonly authenticateHost: Authenticate<HostBinding>;
  readonly runtime: Runtime;
}

/** WebSocket server of a broker. */
export interface SocketServer {
  /** Handles the upgrade requests of this HTTP server. */
  attach(server: Server): void;
  /**
   * Refuses new connections and closes the open ones with `GOING_AWAY`, each at a random time within `goAwaySpreadMs` and
   * after its pending messages are handled. Resolves when all sockets are closed.
   */
  close(): Promise<void>;
}

/** Messages of a client: a few per second, with room for a burst after a reconnect. */
export const CLIENT_RATE: MessageRate = { perSecond: 20, burst: 100 };

/** Signals of a client: twice the rate of one session, since a client has two sessions while it moves from one to the next. */
export const CLIENT_SIGNAL_RATE: MessageRate = { perSecond: 100, burst: 400 };

/** Messages of a host: in the worst case all of its sessions change at once. */
export const HOST_RATE: MessageRate = { perSecond: 500, burst: 4_000 };

/** Signals of a host: many sessions may begin at once, and each signals only while its connection is set up. */
export const HOST_SIGNAL_RATE: MessageRate = { perSecond: 2_000, burst: 8_000 };

/** Creates the WebSocket server. It accepts connections once it is attached to an HTTP server. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { broker, limits, log, runtime } = options;
  const { clock } = runtime;
  const pings = { intervalMs: limits.pingIntervalMs, maxMissed: limits.maxMissedPings };
  const monitor = new PingMonitor(pings, clock);
  const clientSockets = createUpgrader(limits.maxFrameBytes);
  const hostSockets = createUpgrader(limits.maxHostFrameBytes);
  /** Handlers of the open sockets. */
  const open = new Map<PeerSocket, ClosableConnection>();
  const admissions = new AdmissionQueue<WaitingUpgrade>(limits, clock);
  let closing = false;

  const { helloDeadlineMs, maxSocketBufferBytes } = limits;
  const socketRules: SocketRules = { maxSocketBufferBytes, writes: new WriteQueue(clock), ...runtime };
  const onClosed = (socket: PeerSocket): void => void open.delete(socket);
  const common = { helloDeadlineMs, monitor, log, ...runtime, onClosed };
  const clientRules: ConnectionRules = { ...common, rate: CLIENT_RATE, signalRate: CLIENT_SIGNAL_RATE };
  const hostRules: ConnectionRules = { ...common, rate: HOST_RATE, signalRate: HOST_SIGNAL_RATE };
  const clientOptions = { ...runtime, broker, admit: options.admitPlayer };
  const hostOptions = { ...runtime, broker, authenticate: options.authenticateHost };

  function openClient(socket: PeerSocket, request: IncomingMessage): void {
    const channel = new SocketChannel<BrokerToClient>(
      broker.nextConnectionId(),
      socket,
      request.socket,
      socketRules,
    );
    const upgrade = { headerToken: bearerToken(request), beaconUrl: ownBeaconUrl(request) };
    handleConnection(socket, channel, new ClientMessageHandler(clientOptions, channel, upgrade), clientRules);
  }

  function openHost(socket: PeerSocket, request: IncomingMessage): void {
    const channel = new SocketChannel<BrokerToHost>(
      broker.nextConnectionId(),
      socket,
      request.socket,
      socketRules,
    );
    handleConnection(
      socket,
      channel,
      new HostMessageHandler(hostOptions, channel, bearerToken(request)),
      hostRules,
    );
  }

  function handleConnection<Message extends { readonly type: MessageType }>(
    socket: PeerSocket,
    channel: SocketChannel<unknown>,
    handler: MessageHandler<Message>,
    rules: ConnectionRules,
  ): void {
    open.set(socket, new ConnectionHandler(socket, channel, handler, rules));
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until `ws` takes the socket over, an error on it without a listener would end the process.
    socket.on('error', destroy);
    const path = (request.url ?? '').split('?', 1)[0];
    if (path !== CLIENT_PATH && path !== HOST_PATH) refuseUpgrade(socket, 'NOT_FOUND');
    else if (closing) refuseUpgrade(socket, 'GOING_AWAY');
    else if (!offersProtocol(request)) refuseUpgrade(socket, 'UNSUPPORTED_PROTOCOL');
    // Hosts never wait behind clients: they are few, and their sessions would be lost.
    else if (path === HOST_PATH) hostSockets.handleUpgrade(request, socket, head, openHost);
    else enqueueClient(request, socket, head);
  }

  function enqueueClient(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const waiting = new WaitingUpgrade(request, socket, head, (...upgrade) =>
      clientSockets.handleUpgrade(...upgrade, openClient),
    );
    if (admissions.enter(waiting) === 'full')
      refuseUpgrade(socket, 'BUSY', drawRetryMs(limits.admissionWaitMs, runtime.random));
  }

  return {
    attach: (server) => void server.on('upgrade', onUpgrade),
    async close() {
      closing = true;
      for (const waiting of admissions.removeAll()) {
        waiting.stopWaiting();
        refuseUpgrade(waiting.socket, 'GOING_AWAY');
      }
      await Promise.all(
        [...open].map(([socket, peer]) =>
          sendGoAway(socket, peer, randomDelay(runtime, limits.goAwaySpreadMs)),
        ),
      );
      monitor.stop();
      clientSockets.close();
      hostSockets.close();
    },
  };
}

/**
 * Options that the types of `ws` do not have yet. A peer that closed first and keeps its socket open counts as connected until
 * the socket is cut.
 */
const UNTYPED_OPTIONS = { closeTimeout: CLOSE_GRACE_MS };

/** @param maxPayload largest frame, in bytes */
function createUpgrader(maxPayload: number): UpgradeServer<typeof PeerSocket> {
  return new WebSocketServer({
    noServer: true,
    WebSocket: PeerSocket,
    maxPayload,
    maxFragments: MAX_FRAGMENTS,
    // Compression would cost memory per socket, and messages contain tokens (CRIME attack).
    perMessageDeflate: false,
    ...UNTYPED_OPTIONS,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
}

function destroy(this: Duplex): void {
  this.destroy();
}

type ClosableConnection = Pick<ConnectionHandler<never>, 'whenHandled' | 'closeWith'>;

/** Resolves at a random time within `spreadMs`, so that the other brokers are not flooded with reconnects. */
function randomDelay({ clock, random }: Runtime, spreadMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setBackgroundTimer(resolve, random.number() * spreadMs);
  });
}

/** Closes one connection when `turn` resolves. */
async function sendGoAway(socket: PeerSocket, peer: ClosableConnection, turn: Promise<void>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  await Promise.race([turn, closed]);
  await peer.whenHandled();
  if (socket.readyState === socket.CLOSED) return;
  peer.closeWith('GOING_AWAY');
  await closed;
}

function offersProtocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}

function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** URL of the beacon of this broker, by the address that the client used. */
function ownBeaconUrl(request: IncomingMessage): string {
  const forwarded = request.headers['x-forwarded-proto'];
  const scheme = forwarded === 'https' || 'encrypted' in request.socket ? 'https' : 'http';
  return `${scheme}://${request.headers.host ?? 'localhost'}/beacon`;
}

function refuseUpgrade(socket: Duplex, code: ErrorCode, retryAfterMs?: number): void {
  const { httpStatus, message } = ERRORS[code];
  const body = JSON.stringify({ error: { code, message } });
  // Node's HTTP timeouts no longer apply after an upgrade: a peer that never closes must not keep the socket.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? ''}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      ...(retryAfterMs === undefined ? [] : [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`]),
      '',
      body,
    ].join('\r\n'),
  );
}
