import type { Device, HeldSession, HostLoad, Play } from '@duskline/protocol';
import type { Broker } from '@duskline/server/broker/broker.js';
import type { ClientConnection, HostConnection } from '@duskline/server/broker/connections/connections.js';
import { IDLE_LOAD, TEST_DEVICE } from '../fleet/test-broker.js';
import type { ManualClock } from '../time/manual-clock.js';
import { RecordingChannel, type Frame } from './recording-channel.js';

const BEACON_URL = 'http://127.0.0.1:8080/beacon';

/** What a test wants to learn of a peer's connection. */
export interface PeerListeners {
  readonly onFrame?: ((frame: Frame) => void) | undefined;
  /** Called when the broker failed to handle a message. An unhandled rejection when absent. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** A player's connection, after `welcome`. */
export class ManualPlayer {
  readonly channel: RecordingChannel;
  readonly #broker: Broker;
  readonly #client: ClientConnection;
  readonly #onFailure: PeerListeners['onFailure'];

  constructor(
    broker: Broker,
    playerId: string,
    { onFrame = () => undefined, onFailure }: PeerListeners = {},
  ) {
    this.#broker = broker;
    this.#onFailure = onFailure;
    this.channel = new RecordingChannel(broker.nextConnectionId(), onFrame, () =>
      broker.closeClient(this.#client),
    );
    const player = { playerId, tier: 'default', resumeToken: `resume-${playerId}` };
    const device: Device = { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] };
    this.#client = broker.openClient(this.channel, player, { type: 'hello', device }, BEACON_URL);
    this.channel.take('welcome');
  }

  /** Sends `play` for a title of one pool, with the region `near`. */
  play(requestId: string, change: Partial<Play> = {}): void {
    const message: Play = { type: 'play', requestId, title: 'drift', rtt: { near: 12 }, ...change };
    this.#handled(this.#broker.play(this.#client, message));
  }

  accept(requestId: string): void {
    this.#broker.acceptOffer(this.#client, { type: 'accept', requestId });
  }

  cancel(requestId: string): void {
    this.#handled(this.#broker.cancelPlay(this.#client, { type: 'cancel', requestId }));
  }

  end(sessionId: string): void {
    this.#handled(this.#broker.endSession(this.#client, { type: 'end', sessionId }));
  }

  take(type: string, fits?: (frame: Frame) => boolean): Frame {
    return this.channel.take(type, fits);
  }

  #handled(work: Promise<void> | void): void {
    if (this.#onFailure !== undefined) void work?.catch(this.#onFailure);
  }
}

/** Options of a host. By default region `near`, pool `console-x` and four slots. */
export interface ManualHostOptions {
  readonly hostId: string;
  readonly region?: string;
  readonly slots?: number;
  /** Whether the sessions may be moved. */
  readonly movable?: boolean;
  /** Sessions that the host has from an earlier connection. */
  readonly sessions?: readonly HeldSession[];
}

/** A session that a host was told to prepare. */
export interface ManualReservation {
  readonly sessionId: string;
  readonly epoch: number;
  /** When the host refuses its ticket, by the clock of the test. */
  readonly claimByMs: number;
}

/** A host that sends heartbeats on the clock of the test, and does what the broker orders. */
export class ManualHost {
  readonly channel: RecordingChannel;
  load: HostLoad = IDLE_LOAD;
  /** Sessions that were prepared and that no client has claimed, by id. */
  readonly prepared = new Map<string, ManualReservation>();
  /** Sessions that run here, by id. */
  readonly sessions = new Map<string, HeldSession>();
  readonly #broker: Broker;
  readonly #clock: ManualClock;
  readonly #movable: boolean;
  #connection: HostConnection | undefined;
  #heartbeatIntervalMs = 0;
  #cancelHeartbeat: () => void = () => undefined;

  readonly #onFailure: PeerListeners['onFailure'];

  constructor(
    broker: Broker,
    clock: ManualClock,
    { movable = false }: ManualHostOptions,
    onFailure?: PeerListeners['onFailure'],
  ) {
    this.#broker = broker;
    this.#onFailure = onFailure;
    this.#clock = clock;
    this.#movable = movable;
    this.channel = new RecordingChannel(
      broker.nextConnectionId(),
      (frame) => this.#obey(frame),
      () => this.#onClosed(),
    );
  }

  /** Registers the host, and begins to send heartbeats, unless its connection is closed meanwhile. */
  async register({ hostId, region = 'near', slots = 4, sessions = [] }: ManualHostOptions): Promise<void> {
    const pool = 'console-x';
    const endpoint = `wss://${hostId}.example/stream`;
    const message = { type: 'register', hostId, region, pool, slots, endpoint } as const;
    for (const session of sessions) this.sessions.set(session.sessionId, session);
    const connection = this.#broker.openHost(
      this.channel,
      { region, pool, hostId: null },
      { ...message, sessions: [...sessions] },
    );
    const [registered] = await Promise.all([connection, this.#clock.settle()]);
    if (!this.channel.open) {
      this.#broker.closeHost(registered);
      return;
    }
    this.#connection = registered;
    const { heartbeatIntervalMs } = this.channel.take('registered') as unknown as {
      heartbeatIntervalMs: number;
    };
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    this.sendHeartbeats();
  }

  /** A client shows its ticket for a prepared session, and its stream runs. */
  claim(sessionId: string): void {
    const session = this.prepared.get(sessionId);
    if (session === undefined) throw new Error(`The host was not sent ${sessionId}.`);
    this.prepared.delete(sessionId);
    this.report(session.sessionId, session.epoch, 'active');
    this.report(session.sessionId, session.epoch, 'connected');
  }

  /** The stream of a session is lost, or runs again. */
  report(sessionId: string, epoch: number, state: 'active' | 'connected' | 'disconnected'): void {
    this.sessions.set(sessionId, { sessionId, epoch, state, ...(this.#movable ? { movable: true } : {}) });
    this.#send({ type: 'session', sessionId, epoch, state });
  }

  /** The host ends a session that runs here. */
  end(sessionId: string): void {
    const session = this.sessions.get(sessionId);
    if (session === undefined) throw new Error(`${sessionId} does not run here.`);
    this.sessions.delete(sessionId);
    this.#send({ type: 'session', sessionId, epoch: session.epoch, state: 'ended' });
  }

  /** Sends a heartbeat now, and then at the interval that the broker has named. */
  sendHeartbeats(): void {
    this.#send({
      type: 'heartbeat',
      load: this.load,
      sessions: [...this.sessions.values()],
      prepared: [...this.prepared.values()].map(({ sessionId, epoch }) => ({ sessionId, epoch })),
    });
    this.#cancelHeartbeat = this.#clock.setTimer(() => this.sendHeartbeats(), this.#heartbeatIntervalMs);
  }

  /** Stops sending heartbeats. The connection stays open. */
  fallSilent(): void {
    this.#cancelHeartbeat();
  }

  take(type: string, fits?: (frame: Frame) => boolean): Frame {
    return this.channel.take(type, fits);
  }

  #send(message: Parameters<Broker['handleHostMessage']>[1]): void {
    if (this.#connection === undefined) return;
    const work = this.#broker.handleHostMessage(this.#connection, message);
    if (this.#onFailure !== undefined) void work?.catch(this.#onFailure);
  }

  #obey(frame: Frame): void {
    const { type, sessionId, epoch, claimWithinMs } = frame as unknown as {
      type: string;
      sessionId: string;
      epoch: number;
      claimWithinMs: number;
    };
    if (type === 'prepare') {
      const claimByMs = this.#clock.monotonicMs() + claimWithinMs;
      this.prepared.set(sessionId, { sessionId, epoch, claimByMs });
    }
    if (type === 'end') for (const held of [this.prepared, this.sessions]) dropUpTo(held, sessionId, epoch);
  }

  #onClosed(): void {
    this.fallSilent();
    if (this.#connection !== undefined) this.#broker.closeHost(this.#connection);
  }
}

/** An `end` is about its epoch and lower ones. */
function dropUpTo(held: Map<string, { readonly epoch: number }>, sessionId: string, epoch: number): void {
  if ((held.get(sessionId)?.epoch ?? Infinity) <= epoch) held.delete(sessionId);
}
