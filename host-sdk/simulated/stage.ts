import type { EndReason } from '@duskline/protocol';
import type { Checkpoint } from '../checkpoint.js';
import type { HostClock } from '../clock.js';
import type { Host } from '../host-interface.js';
import type { PreparedSession } from '../host-options.js';
import type { HostedSession } from '../hosted-session.js';
import type { LoadModel } from './load-model.js';
import { failCheckpoint, failRestore, readCount, writeCount, type MoveFaults } from './moving-count.js';
import { SimulatedCounters, type SimulatedStats } from './simulated-stats.js';
import type { Stream, StreamOwner } from './stream-connection.js';

/** A session that was admitted here, and who watches it. */
interface StagedSession {
  readonly session: HostedSession;
  /** `undefined` while its client is away. */
  stream: Stream | undefined;
  /** When it was lost; counts while `stream` is `undefined`. */
  lostAtMs: number;
  /** How many pictures the session has shown, on all connections and hosts. */
  count: number;
}

export interface StageOptions {
  readonly reconnectWindowMs?: number | undefined;
  readonly isIdle?: ((session: HostedSession) => boolean) | undefined;
  readonly isMovable?: ((session: HostedSession) => boolean) | undefined;
  readonly moveFaults?: MoveFaults | undefined;
  readonly checkpointBytes?: number | undefined;
}

/** Connects the sessions of one host with the streams of its clients. */
export class Stage implements StreamOwner {
  readonly #host: Host;
  readonly #model: LoadModel;
  readonly #clock: HostClock;
  readonly #reconnectWindowMs: number;
  readonly #isIdle: (session: HostedSession) => boolean;
  readonly #isMovable: ((session: HostedSession) => boolean) | undefined;
  readonly #checkpointBytes: number;
  #faults: MoveFaults;
  readonly #counters = new SimulatedCounters();
  readonly #sessions = new Map<string, StagedSession>();
  readonly #byStream = new Map<Stream, StagedSession>();
  /** The counts of sessions that move here and have no client yet, by session. */
  readonly #restored = new Map<string, { readonly epoch: number; readonly count: number }>();

  constructor(host: Host, model: LoadModel, clock: HostClock, options: StageOptions) {
    const { reconnectWindowMs = 120_000, isIdle = () => false, isMovable } = options;
    const { moveFaults = {}, checkpointBytes = 0 } = options;
    this.#host = host;
    this.#model = model;
    this.#clock = clock;
    this.#reconnectWindowMs = reconnectWindowMs;
    this.#isIdle = isIdle;
    this.#isMovable = isMovable;
    this.#faults = moveFaults;
    this.#checkpointBytes = checkpointBytes;
    host.on('prepare', () => this.#counters.used(host.usage));
    host.on('end', ({ sessionId, epoch, reason }) => {
      this.#counters.ended(reason);
      const staged = this.#sessions.get(sessionId);
      if (staged?.session.epoch === epoch) this.#takeDown(staged, reason);
      if (this.#restored.get(sessionId)?.epoch === epoch) this.#restored.delete(sessionId);
    });
    host.on('moved', () => this.#counters.moved());
    host.on('resume', () => this.#counters.resumed());
  }

  get stats(): SimulatedStats {
    return this.#counters.read(this.#sessions.size);
  }

  setMoveFaults(faults: MoveFaults): void {
    this.#faults = faults;
  }

  /** Nothing has to be done to hold a session still: one that is `moving` shows no pictures. */
  checkpoint({ sessionId }: HostedSession): Checkpoint | Promise<Checkpoint> {
    const staged = this.#sessions.get(sessionId);
    if (this.#faults.checkpoint !== undefined) return failCheckpoint(this.#faults.checkpoint);
    this.#counters.handedOver();
    return writeCount(staged?.count ?? 0, this.#checkpointBytes);
  }

  restore({ sessionId, epoch }: PreparedSession, checkpoint: Checkpoint): boolean | Promise<boolean> {
    this.#counters.used(this.#host.usage);
    if (this.#faults.restore !== undefined) return failRestore(this.#faults.restore);
    this.#restored.set(sessionId, { epoch, count: readCount(checkpoint) });
    this.#counters.restored();
    return true;
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
    const staged = { session, stream, lostAtMs: 0, count: this.#countOf(session) };
    this.#judgeMovable(session);
    this.#sessions.set(sessionId, staged);
    this.#byStream.set(stream, staged);
    if (!readmitted) this.#counters.used(this.#host.usage);
    this.#model.start(sessionId, this.#clock.monotonicMs());
    stream.admit(sessionId, epoch);
    session.connected();
  }

  /** Sessions that move, away or here, show nothing: what they showed could not be taken back. */
  nextCount(stream: Stream): number | undefined {
    const staged = this.#byStream.get(stream);
    if (staged?.session.state !== 'connected' || !staged.session.begun) return undefined;
    staged.count += 1;
    return staged.count;
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
      this.#judgeMovable(session);
      if (stream !== undefined) {
        // The load that it makes is its player's doing. Not told with the load itself, which is measured for
        // heartbeats only: while the broker is away, nobody stops playing.
        if (!this.#isIdle(session)) session.reportActivity();
      } else if (nowMs - lostAtMs >= this.#reconnectWindowMs) {
        this.#end(staged, 'reconnect_expired');
      }
    }
  }

  #judgeMovable(session: HostedSession): void {
    if (this.#isMovable !== undefined) session.setMovable(this.#isMovable(session));
  }

  /** Where the session goes on: from its last picture here, or from what another host handed over. */
  #countOf({ sessionId, epoch }: HostedSession): number {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known.count;
    const restored = this.#restored.get(sessionId);
    this.#restored.delete(sessionId);
    return restored?.epoch === epoch ? restored.count : 0;
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
