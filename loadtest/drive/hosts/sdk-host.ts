import { HostClosedError, createHost, type Admission, type Host, type HostedSession } from '@duskline/host';
import { recordHost } from '../../history/host-recording.js';
import { monotonicMs } from '../clock.js';
import type { ReservationClaim } from '../host-calls.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint-state.js';
import type { HostContext } from './host-context.js';
import type { LoadHost } from './host-call-router.js';
import type { HostPlan } from '../worker-messages.js';

/** A host with the host SDK, as operators run it: it verifies every ticket. It streams nothing. */
export class SdkHost implements LoadHost {
  readonly name: string;
  readonly registered: Promise<void>;
  readonly #host: Host;
  readonly #sessions = new Map<string, HostedSession>();
  readonly #prepared = new Map<string, number>();
  /** When this host paused a session for a move to another host, by session. */
  readonly #pausedSince = new Map<string, number>();
  /** When another host paused a session that moves here, by session, until the session runs here. */
  readonly #incomingPausedSince = new Map<string, number>();

  constructor(plan: HostPlan, { urls, metrics }: HostContext, firstUrlIndex: number) {
    const { name, hostId, region, pool, slots, token } = plan;
    this.name = name;
    const first = firstUrlIndex % urls.length;
    this.#host = createHost({
      ...{ hostId, region, pool, slots, token },
      url: [...urls.slice(first), ...urls.slice(0, first)],
      endpoint: `ws://loadtest.invalid/${hostId}`,
      measureLoad: () => {
        const share = this.#sessions.size / slots;
        return { gpu: share, encoder: share, cpu: share / 2, network: share / 2 };
      },
      movable: true,
      onCheckpoint: ({ sessionId }) => {
        const sinceMs = monotonicMs();
        this.#pausedSince.set(sessionId, sinceMs);
        return { state: encodeCheckpoint(sessionId, sinceMs) };
      },
      onRestore: ({ sessionId, epoch }, checkpoint) => {
        const sinceMs = 'state' in checkpoint ? decodeCheckpoint(sessionId, checkpoint.state) : undefined;
        if (sinceMs === undefined) return false;
        this.#incomingPausedSince.set(sessionId, sinceMs);
        this.#prepared.set(sessionId, epoch);
        return true;
      },
    });
    recordHost(metrics.recorder, name, this.#host);
    this.#host.on('moved', ({ sessionId }) => {
      const sinceMs = this.#incomingPausedSince.get(sessionId);
      if (this.#incomingPausedSince.delete(sessionId) && sinceMs !== undefined) metrics.countMoved(sinceMs);
    });
    this.#host.on('resume', ({ sessionId }) => {
      const sinceMs = this.#pausedSince.get(sessionId);
      if (this.#pausedSince.delete(sessionId) && sinceMs !== undefined) metrics.countMoveFailed(sinceMs);
    });
    this.#host.on('streamReplaced', ({ sessionId, session }) => {
      // The player shows a newer ticket: it has connected to another broker meanwhile.
      this.#sessions.set(sessionId, session);
    });
    this.#host.on('prepare', ({ sessionId, epoch }) => void this.#prepared.set(sessionId, epoch));
    this.#host.on('end', ({ sessionId, epoch }) => {
      if ((this.#sessions.get(sessionId)?.epoch ?? Infinity) <= epoch) this.#sessions.delete(sessionId);
      this.#prepared.delete(sessionId);
      this.#pausedSince.delete(sessionId);
      this.#incomingPausedSince.delete(sessionId);
    });
    this.registered = this.#host.whenRegistered().catch((error: unknown) => {
      throw new Error(`The broker rejected the host ${name}: ${causeOf(error)}`);
    });
  }

  admitPlayer({ ticket, sessionId }: ReservationClaim): boolean | Promise<boolean> {
    const admission = this.#host.admit(ticket);
    if (admission.ok || admission.reason !== 'no_free_slot') return this.#answerPlayer(sessionId, admission);
    return this.#host.admitWhenFree(ticket).then((answer) => this.#answerPlayer(sessionId, answer));
  }

  #answerPlayer(sessionId: string, admission: Admission): boolean {
    if (!admission.ok) return admission.reason === 'already_claimed';
    const { session } = admission;
    // The player may have left while it waited for the slot.
    if (session.state === 'ended') return false;
    this.#sessions.set(sessionId, session);
    this.#prepared.delete(sessionId);
    session.reportConnected();
    return true;
  }

  endSession(sessionId: string, epoch: number): boolean {
    const session = this.#sessions.get(sessionId);
    if (session?.epoch !== epoch) return false;
    this.#sessions.delete(sessionId);
    this.#pausedSince.delete(sessionId);
    this.#incomingPausedSince.delete(sessionId);
    return session.end('client_left');
  }

  listSessions(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    const held = [...this.#sessions.values()].map(({ sessionId, epoch }) => ({ sessionId, epoch }));
    const prepared = [...this.#prepared].map(([sessionId, epoch]) => ({ sessionId, epoch }));
    return [...held, ...prepared];
  }

  crash(): void {
    void this.#host.close({ abrupt: true });
  }

  async close(politely: boolean): Promise<void> {
    await (politely ? this.#host.leave() : this.#host.close({ abrupt: true }));
  }
}

/** Why the host was closed: the broker's error code when there is one. */
function causeOf(error: unknown): string {
  if (!(error instanceof HostClosedError)) return String(error);
  const { status } = error;
  if (!('failure' in status)) return status.cause;
  const { failure } = status;
  return 'errorCode' in failure ? failure.errorCode : failure.kind;
}
