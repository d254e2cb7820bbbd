import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrokerToHost, Heartbeat, HostSession, HostToBroker, Register } from '@duskline/protocol';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { parseHostMessage } from '@duskline/protocol/validation';
import { WebSocketServer, type WebSocket } from 'ws';
import { EventBuffer } from '../../support/event-buffer.js';
import { TICKET_KEY } from './tickets.js';

interface MessageOf {
  register: Register;
  heartbeat: Heartbeat;
  session: HostSession;
  leave: HostToBroker;
}

/** The broker's end of a host's connection. A frame that a real broker refuses fails the test. */
export class ScriptedConnection {
  readonly frames = new EventBuffer<HostToBroker>('frame from the host');
  /** Pings of the host, numbered from 1. They are answered at once, unless the broker is frozen. */
  readonly pings = new EventBuffer<number>('ping of the host');
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly upgrade: IncomingMessage;

  constructor(socket: WebSocket, upgrade: IncomingMessage) {
    this.#socket = socket;
    this.upgrade = upgrade;
    this.closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
    let pings = 0;
    socket.on('ping', () => this.pings.add((pings += 1)));
    socket.on('message', (data: Buffer) => {
      const result = parseHostMessage(data.toString('utf8'));
      if (!result.ok) throw new Error(`The host sent a bad frame: ${result.detail}`);
      this.frames.add(result.message);
    });
  }

  send(...messages: BrokerToHost[]): void {
    for (const message of messages) this.#socket.send(JSON.stringify(message));
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  async next<Type extends keyof MessageOf>(type: Type): Promise<MessageOf[Type]> {
    return (await this.frames.next((frame) => frame.type === type)) as MessageOf[Type];
  }

  /** Reads `register`, answers it with `registered`, and reads the first heartbeat. */
  async accept(intervals: { heartbeatIntervalMs?: number; pingIntervalMs?: number } = {}): Promise<Register> {
    const register = await this.next('register');
    this.sendRegistered(register.hostId, intervals);
    return register;
  }

  sendRegistered(
    hostId: string,
    { heartbeatIntervalMs = 2_000, pingIntervalMs = 15_000 } = {},
    ticketKey: string = TICKET_KEY,
  ): void {
    this.send({ type: 'registered', hostId, ticketKey, heartbeatIntervalMs, pingIntervalMs });
  }

  /** Sends a ping and waits for the pong. By then the host has received everything that was sent before. */
  async ping(): Promise<void> {
    const pong = once(this.#socket, 'pong');
    this.#socket.ping();
    await pong;
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Stops reading, as a broker that hangs: it answers nothing, neither pings nor closes. */
  freeze(): void {
    this.#socket.pause();
  }
}

/** A WebSocket server on a free port that sends only what a test says. */
export class ScriptedBroker {
  readonly connections = new EventBuffer<ScriptedConnection>('connection to the broker');
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  /** When it is set, upgrades are refused with this response. */
  refusal: { readonly status: number; readonly body: string; readonly retryAfter?: string } | undefined;
  upgrades = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
    server.on('upgrade', (request, socket, head) => {
      this.upgrades += 1;
      if (this.refusal !== undefined) {
        const { status, body, retryAfter } = this.refusal;
        const headers = [
          `HTTP/1.1 ${status} No`,
          `Content-Length: ${body.length}`,
          'Connection: close',
          ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
        ];
        socket.end([...headers, '', body].join('\r\n'));
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (client) =>
        this.connections.add(new ScriptedConnection(client, request)),
      );
    });
  }

  static async start(): Promise<ScriptedBroker> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedBroker(server);
  }

  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
