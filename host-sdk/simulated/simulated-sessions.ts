import type { Clock } from '@duskline/sdk-runtime';
import type { EndReason } from '@duskline/protocol';
import type { Admission } from '../admission/admission.js';
import type { Checkpoint } from '../sessions/checkpoint.js';
import type { Host } from '../host-interface.js';
import type { HostedSession } from '../sessions/hosted-session.js';
import type { PreparedSession } from '../sessions/session-record.js';
import type { LoadModel } from './load-model.js';
import {
  failCheckpoint,
  failRestore,
  decodeFrameCount,
  encodeFrameCount,
  type MoveFaults,
} from './simulated-checkpoint.js';
import { SimulatedCounters, type SimulatedStats } from './simulated-stats.js';
import type { Stream, StreamHandler } from './stream-connection.js';

/** An admitted session and its stream. */
interface SimulatedSession {
  readonly session: HostedSession;
  /** `undefined` while no client is connected. */
  stream: Stream | undefined;
  /** When the stream was lost. Matters only while `stream` is `undefined`. */
  lostAtMs: number;
  /** How many frames the session has shown, over all connections and hosts. */
  frameCount: number;
}

export interface SimulatedSessionsOptions {
  readonly reconnectWindowMs?: number | undefined;
  readonly isIdle?: ((session: HostedSession) => boolean) | undefined;
  readonly isMovable?: ((session: HostedSession) => boolean) | undefined;
  readonly moveFaults?: MoveFaults | undefined;
  readonly checkpointBytes?: number | undefined;
}

/** Connects the sessions of one simulated host to the streams of their clients. */
export class SimulatedSessions implements StreamHandler {
  readonly #host: Host;
  readonly #model: LoadModel;
  readonly #clock: Clock;
  readonly #reconnectWindowMs: number;
  readonly #isIdle: (session: HostedSession) => boolean;
  readonly #isMovable: ((session: HostedSession) => boolean) | undefined;
  readonly #checkpointBytes: number;
  #faults: MoveFaults;
  readonly #counters = new SimulatedCounters();
  readonly #sessions = new Map<string, SimulatedSession>();
  readonly #sessionsByStream = new Map<Stream, SimulatedSession>();
  /** Restored frame counts of sessions whose client has not arrived yet, by session. */
  readonly #restoredCounts = new Map<string, { readonly epoch: number; readonly count: number }>();

  constructor(host: Host, model: LoadModel, clock: Clock, options: SimulatedSessionsOptions) {
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
    host.on('prepare', () => this.#counters.checkOverbooked(host.usage));
    host.on('end', ({ sessionId, epoch, reason }) => {
      this.#counters.countEnded(reason);
      const simulated = this.#sessions.get(sessionId);
      if (simulated?.session.epoch === epoch) this.#removeSession(simulated, reason);
      if (this.#restoredCounts.get(sessionId)?.epoch === epoch) this.#restoredCounts.delete(sessionId);
    });
    host.on('streamReplaced', ({ replaced }) => this.#closeReplaced(replaced));
    host.on('moved', () => this.#counters.countMoved());
    host.on('resume', () => this.#counters.countResumed());
  }

  get stats(): SimulatedStats {
    return this.#counters.readStats(this.#sessions.size);
  }

  setMoveFaults(faults: MoveFaults): void {
    this.#faults = faults;
  }

  /** Sessions in the state `moving` show no frames, so nothing has to be paused. */
  createCheckpoint({ sessionId }: HostedSession): Checkpoint | Promise<Checkpoint> {
    const simulated = this.#sessions.get(sessionId);
    if (this.#faults.checkpoint !== undefined) return failCheckpoint(this.#faults.checkpoint);
    this.#counters.countCheckpoint();
    return encodeFrameCount(simulated?.frameCount ?? 0, this.#checkpointBytes);
  }

  restoreSession({ sessionId, epoch }: PreparedSession, checkpoint: Checkpoint): boolean | Promise<boolean> {
    this.#counters.checkOverbooked(this.#host.usage);
    if (this.#faults.restore !== undefined) return failRestore(this.#faults.restore);
    this.#restoredCounts.set(sessionId, { epoch, count: decodeFrameCount(checkpoint) });
    this.#counters.countRestored();
    return true;
  }

  handleTicket(stream: Stream, ticket: string): void {
    const admission = this.#host.admit(ticket);
    if (admission.ok || admission.reason !== 'no_free_slot') this.#answerTicket(stream, admission);
    else void this.#host.admitWhenFree(ticket).then((answer) => this.#answerTicket(stream, answer));
  }

  #answerTicket(stream: Stream, admission: Admission): void {
    if (stream.isClosing) {
      // The client left while it waited for a slot.
      if (admission.ok) admission.session.end('client_left');
      return;
    }
    if (!admission.ok) {
      this.#counters.countRefused();
      stream.finish({ type: 'refused', reason: admission.reason });
      return;
    }
    const { session, readmitted } = admission;
    const { sessionId, epoch } = session;
    this.#counters.countAdmitted();
    const simulated = { session, stream, lostAtMs: 0, frameCount: this.#initialFrameCount(session) };
    this.#updateMovable(session);
    this.#sessions.set(sessionId, simulated);
    this.#sessionsByStream.set(stream, simulated);
    if (!readmitted) this.#counters.checkOverbooked(this.#host.usage);
    this.#model.start(sessionId, this.#clock.monotonicMs());
    stream.admit(sessionId, epoch);
    session.reportConnected();
  }

  /** Sessions that move show no frames, because the checkpoint would not count them. */
  nextFrameCount(stream: Stream): number | undefined {
    const simulated = this.#sessionsByStream.get(stream);
    if (simulated?.session.state !== 'connected' || !simulated.session.begun) return undefined;
    simulated.frameCount += 1;
    return simulated.frameCount;
  }

  handleLeave(stream: Stream): void {
    const simulated = this.#sessionsByStream.get(stream);
    if (simulated !== undefined) this.#endSession(simulated, 'client_left');
  }

  handleLost(stream: Stream): void {
    const simulated = this.#sessionsByStream.get(stream);
    this.#sessionsByStream.delete(stream);
    if (simulated === undefined) return;
    simulated.stream = undefined;
    simulated.lostAtMs = this.#clock.monotonicMs();
    simulated.session.reportDisconnected();
  }

  sweep(nowMs: number): void {
    for (const simulated of this.#sessions.values()) {
      const { session, stream, lostAtMs } = simulated;
      this.#updateMovable(session);
      if (stream !== undefined) {
        // Activity is reported here and not with the load, which is measured only for heartbeats: players stay active without a
        // broker.
        if (!this.#isIdle(session)) session.reportActivity();
      } else if (nowMs - lostAtMs >= this.#reconnectWindowMs) {
        this.#endSession(simulated, 'reconnect_expired');
      }
    }
  }

  /** Another client has the session now. Its frames continue there. */
  #closeReplaced({ sessionId, epoch }: HostedSession): void {
    const simulated = this.#sessions.get(sessionId);
    if (simulated?.session.epoch !== epoch || simulated.stream === undefined) return;
    this.#sessionsByStream.delete(simulated.stream);
    simulated.stream.finish({ type: 'ended', reason: 'superseded' });
    simulated.stream = undefined;
  }

  #updateMovable(session: HostedSession): void {
    if (this.#isMovable !== undefined) session.setMovable(this.#isMovable(session));
  }

  /** Continues from the last frame on this host, or from the checkpoint of another one. */
  #initialFrameCount({ sessionId, epoch }: HostedSession): number {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known.frameCount;
    const restored = this.#restoredCounts.get(sessionId);
    this.#restoredCounts.delete(sessionId);
    return restored?.epoch === epoch ? restored.count : 0;
  }

  /** The host ends the session. */
  #endSession(simulated: SimulatedSession, reason: EndReason): void {
    if (simulated.session.end(reason)) this.#counters.countEnded(reason);
    this.#removeSession(simulated);
  }

  /** @param reasonForClient sent to the client, if it does not know why the session ended */
  #removeSession({ session, stream }: SimulatedSession, reasonForClient?: EndReason): void {
    this.#sessions.delete(session.sessionId);
    this.#model.stop(session.sessionId);
    if (stream === undefined) return;
    this.#sessionsByStream.delete(stream);
    stream.finish(reasonForClient === undefined ? undefined : { type: 'ended', reason: reasonForClient });
  }
}
