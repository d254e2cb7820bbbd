import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  ClientToBroker,
  ErrorMessage,
  Matched,
  Offer,
  Queued,
  RegionInfo,
  SessionChanged,
  Signal,
  Welcome,
} from '@duskline/protocol';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocketServer, type WebSocket } from 'ws';
import { EventBuffer } from '../../support/event-buffer.js';

type FrameOf<Type extends ClientToBroker['type']> = Extract<ClientToBroker, { type: Type }>;

/** The broker's end of a connection. It sends only what a test says. */
export class ScriptedConnection {
  readonly frames = new EventBuffer<ClientToBroker>('frame from the client');
  readonly closes = new EventBuffer<number>('close by the client');
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.frames.add(JSON.parse(data.toString()) as ClientToBroker));
    socket.on('close', (code) => this.closes.add(code));
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  async next<Type extends ClientToBroker['type']>(type: Type): Promise<FrameOf<Type>> {
    return (await this.frames.next((frame) => frame.type === type)) as FrameOf<Type>;
  }

  /** The types of all frames that the client has sent, also those on their way: the client answers a ping after them. */
  async receivedTypes(): Promise<string[]> {
    await this.ping();
    return this.frames.all.map(({ type }) => type);
  }

  /** Pings the client. Resolves when the client has read all earlier frames and answered, or has closed. */
  async ping(): Promise<void> {
    const pong = once(this.#socket, 'pong');
    this.#socket.ping();
    await Promise.race([pong, this.#closed]);
  }

  async welcome(fields: Partial<Welcome> = {}): Promise<void> {
    await this.next('hello');
    this.send({
      type: 'welcome',
      connectionId: 'c1',
      playerId: 'ada',
      regions: [],
      pingIntervalMs: 15_000,
      resumeToken: 'resume-token-of-ada',
      ...fields,
    });
  }

  match(requestId: string, fields: Partial<Matched> = {}): void {
    this.send({ ...aMatch(requestId), ...fields });
  }

  queued(requestId: string, fields: Partial<Queued> = {}): void {
    this.send({ type: 'queued', requestId, position: 3, region: 'dublin', ...fields });
  }

  offer(requestId: string, fields: Partial<Offer> = {}): void {
    this.send({ type: 'offer', requestId, region: 'dublin', acceptWithinMs: 15_000, ...fields });
  }

  signal(data: string, fields: Partial<Signal> = {}): void {
    this.send({ type: 'signal', sessionId: SESSION_ID, data, ...fields });
  }

  session(fields: Partial<SessionChanged>): void {
    this.send({ type: 'session', sessionId: SESSION_ID, epoch: 1, state: 'active', ...fields });
  }

  error(fields: Partial<ErrorMessage> & Pick<ErrorMessage, 'code'>): void {
    this.send({ type: 'error', message: 'No.', retryable: false, ...fields });
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  /** Destroys the socket without a close frame, as a network failure does. */
  drop(): void {
    this.#socket.terminate();
  }

  close(code: number): void {
    this.#socket.close(code);
  }
}

export const SESSION_ID = '0198c0de-0000-7000-8000-000000000001';
export const OTHER_SESSION_ID = '0198c0de-0000-7000-8000-000000000002';

export function aMatch(requestId: string): Matched {
  return {
    type: 'matched',
    requestId,
    sessionId: SESSION_ID,
    epoch: 1,
    title: 'tetris',
    region: 'dublin',
    pool: 'pc-high',
    host: { hostId: 'host-1', endpoint: 'wss://host-1.example/stream' },
    ticket: 'secret-ticket-1',
    claimWithinMs: 30_000,
    stream: { codec: 'av1', resolution: '1080p', fps: 60 },
    rank: 1,
    candidates: 2,
    rttMs: 12.5,
    reason: 'dublin/pc-high: the nearest suitable region.',
  };
}

export function aRegion(region: string, fields: Partial<RegionInfo> = {}): RegionInfo {
  return {
    region,
    name: region,
    lat: 0,
    lon: 0,
    timeZone: 'UTC',
    beaconUrl: `http://127.0.0.1:9/${region}`,
    state: 'open',
    ...fields,
  };
}

/** A real WebSocket server on a free port that sends only what a test says. */
export class ScriptedBroker {
  readonly connections = new EventBuffer<ScriptedConnection>('connection to the broker');
  readonly url: string;
  /** When it is set, upgrades are refused with this response. */
  refusal: { readonly status: number; readonly headers: Record<string, string> } | undefined;
  /** When upgrades were refused, by `performance.now()`. */
  readonly refusals = new EventBuffer<number>('refused upgrade');
  readonly #http: Server;
  readonly #sockets: WebSocketServer;

  private constructor(http: Server) {
    this.#http = http;
    this.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
    this.#sockets = new WebSocketServer({
      server: http,
      path: CLIENT_PATH,
      verifyClient: (_info, accept) => {
        const { refusal } = this;
        if (refusal === undefined) {
          accept(true);
          return;
        }
        this.refusals.add(performance.now());
        accept(false, refusal.status, 'No', refusal.headers);
      },
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#sockets.on('connection', (socket) => this.connections.add(new ScriptedConnection(socket)));
  }

  static async start(): Promise<ScriptedBroker> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new ScriptedBroker(http);
  }

  /** Waits for the next connection, which has not sent `hello` yet. */
  accept(): Promise<ScriptedConnection> {
    return this.connections.next();
  }

  /** Waits for the next connection, reads its `hello` and sends `welcome`. */
  async welcome(fields: Partial<Welcome> = {}): Promise<ScriptedConnection> {
    const end = await this.accept();
    await end.welcome(fields);
    return end;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }
}
