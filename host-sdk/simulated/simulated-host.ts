import type { EndReason } from '@duskline/protocol';
import { v4 as uuid } from 'uuid';
import { systemClock, type HostClock } from '../clock.js';
import type { Host } from '../host-interface.js';
import type { HostOptions } from '../host-options.js';
import { createHost } from '../host.js';
import type { HostedSession } from '../hosted-session.js';
import { createLoadModel, type LoadModel, type LoadModelOptions } from './load-model.js';
import { seedOf } from './seeded-random.js';
import { SimulatedCounters, type SimulatedStats } from './simulated-stats.js';
import type { Stream, StreamOwner } from './stream-connection.js';
import type { StreamServer } from './stream-server.js';

export interface SimulatedHostOptions extends Omit<HostOptions, 'hostId' | 'endpoint' | 'measureLoad'> {
  /** Serves its streams. Shared: one for all simulated hosts of a process. */
  readonly streams: StreamServer;
  /** Default: `sim-` and a new UUID. */
  readonly hostId?: string;
  /** The load it pretends to have. The seed follows from the host's address unless given. */
  readonly load?: Omit<LoadModelOptions, 'slots'>;
  /** How long a session whose client was lost is kept for its return, in milliseconds. Default 120000. */
  readonly reconnectWindowMs?: number;
  /**
   * Which players do nothing, so that an idle limit ends their sessions. Default: none; whoever watches a
   * stream plays all the time.
   */
  readonly isIdle?: (session: HostedSession) => boolean;
}

/** A host that streams numbers instead of pictures. */
export interface SimulatedHost {
  readonly hostId: string;
  /** Where its clients connect. */
  readonly endpoint: string;
  /** The host beneath: its status, its sessions, its events. */
  readonly host: Host;
  readonly stats: SimulatedStats;
  /** Hangs for so long, in milliseconds of the load model's time: no heartbeats, but the streams run. */
  stall(durationMs: number): void;
  /** Leaves in order: sessions end with `host_ended`, their clients are told. */
  leave(): Promise<void>;
  /** Is gone as after a crash: the sockets break without a word, nobody is told. */
  crash(): Promise<void>;
}

/** Makes a simulated host and starts to connect it. Throws as `createHost` and `StreamServer.attach` do. */
export function createSimulatedHost(options: SimulatedHostOptions): SimulatedHost {
  const { streams, hostId = `sim-${uuid()}`, load, reconnectWindowMs, isIdle, ...hostOptions } = options;
  const { region, pool, slots, clock = systemClock } = hostOptions;
  const address = { region, pool, hostId };
  const endpoint = streams.endpointOf(address);
  const model = createLoadModel({
    seed: seedOf(`${region}/${pool}/${hostId}`),
    ...load,
    slots,
  });
  const host = createHost({
    ...hostOptions,
    hostId,
    endpoint,
    measureLoad: () => model.measure(clock.monotonicMs()),
  });
  const stage = new Stage(host, model, clock, { reconnectWindowMs, isIdle });
  let detach: () => void;
  try {
    detach = streams.attach(address, stage);
  } catch (error) {
    void host.close({ abrupt: true });
    throw error;
  }

  return {
    hostId,
    endpoint,
    host,
    get stats() {
      return stage.stats;
    },
    stall: (durationMs) => model.stall(durationMs, clock.monotonicMs()),
    async leave() {
      await host.leave();
      detach();
    },
    async crash() {
      detach();
      await host.close({ abrupt: true });
    },
  };
}

/** A session that was admitted here, and who watches it. */
interface StagedSession {
  readonly session: HostedSession;
  /** `undefined` while its client is away. */
  stream: Stream | undefined;
  /** When it was lost; counts while `stream` is `undefined`. */
  lostAtMs: number;
}

interface StageOptions {
  readonly reconnectWindowMs: SimulatedHostOptions['reconnectWindowMs'];
  readonly isIdle: SimulatedHostOptions['isIdle'];
}

/** Connects the sessions of one host with the streams of its clients. */
class Stage implements StreamOwner {
  readonly #host: Host;
  readonly #model: LoadModel;
  readonly #clock: HostClock;
  readonly #reconnectWindowMs: number;
  readonly #isIdle: (session: HostedSession) => boolean;
  readonly #counters = new SimulatedCounters();
  readonly #sessions = new Map<string, StagedSession>();
  readonly #byStream = new Map<Stream, StagedSession>();

  constructor(
    host: Host,
    model: LoadModel,
    clock: HostClock,
    { reconnectWindowMs = 120_000, isIdle = () => false }: StageOptions,
  ) {
    this.#host = host;
    this.#model = model;
    this.#clock = clock;
    this.#reconnectWindowMs = reconnectWindowMs;
    this.#isIdle = isIdle;
    host.on('prepare', () => this.#counters.used(host.usage));
    host.on('end', ({ sessionId, epoch, reason }) => {
      this.#counters.ended(reason);
      const staged = this.#sessions.get(sessionId);
      if (staged?.session.epoch === epoch) this.#takeDown(staged, reason);
    });
  }

  get stats(): SimulatedStats {
    return this.#counters.read(this.#sessions.size);
  }

  ticketShown(stream: Stream, ticket: string): void {
    const admission = this.#host.admit(ticket);
    if (!admission.ok) {
      this.#counters.refused();
      stream.finish({ type: 'refused', reason: admission.reason });
      return;
    }
    const { session, readmitted } = admission;
    const { sessionId, epoch } = session;
    this.#counters.admitted();
    const staged = { session, stream, lostAtMs: 0 };
    this.#sessions.set(sessionId, staged);
    this.#byStream.set(stream, staged);
    if (!readmitted) this.#counters.used(this.#host.usage);
    this.#model.start(sessionId, this.#clock.monotonicMs());
    stream.admit(sessionId, epoch);
    session.connected();
  }

  left(stream: Stream): void {
    const staged = this.#byStream.get(stream);
    if (staged !== undefined) this.#end(staged, 'client_left');
  }

  lost(stream: Stream): void {
    const staged = this.#byStream.get(stream);
    this.#byStream.delete(stream);
    if (staged === undefined) return;
    staged.stream = undefined;
    staged.lostAtMs = this.#clock.monotonicMs();
    staged.session.disconnected();
  }

  sweep(nowMs: number): void {
    for (const staged of this.#sessions.values()) {
      const { session, stream, lostAtMs } = staged;
      if (stream !== undefined) {
        // The load that it makes is its player's doing. Not told with the load itself, which is measured for
        // heartbeats only: while the broker is away, nobody stops playing.
        if (!this.#isIdle(session)) session.reportActivity();
      } else if (nowMs - lostAtMs >= this.#reconnectWindowMs) {
        this.#end(staged, 'reconnect_expired');
      }
    }
  }

  /** Ends it from here. */
  #end(staged: StagedSession, reason: EndReason): void {
    if (staged.session.end(reason)) this.#counters.ended(reason);
    this.#takeDown(staged);
  }

  /** @param told the reason, when the client does not know it */
  #takeDown({ session, stream }: StagedSession, told?: EndReason): void {
    this.#sessions.delete(session.sessionId);
    this.#model.stop(session.sessionId);
    if (stream === undefined) return;
    this.#byStream.delete(stream);
    stream.finish(told === undefined ? undefined : { type: 'ended', reason: told });
  }
}
