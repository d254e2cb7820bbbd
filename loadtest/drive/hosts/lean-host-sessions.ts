import type { BrokerToHost, EndReason, HeldSession, HostToBroker } from '@duskline/protocol';
import { monotonicMs } from '../clock.js';
import type { ReservationClaim } from '../host-calls.js';
import type { HostPlan } from '../worker-messages.js';
import type { HostContext } from './host-context.js';
import { isMoving, type LeanMoveOwner, type LeanSession } from './lean-host-moves.js';

interface EndedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
  readonly atMs: number;
}

/** A broker may die before it handles the end of a session: after a reconnect, ends of this age are sent again. */
const RESEND_ENDS_MS = 10_000;

/** The sessions of a lean host: prepared, held and ended. */
export class LeanHostSessions implements LeanMoveOwner {
  readonly name: string;
  readonly sessions = new Map<string, LeanSession>();
  readonly send: (message: HostToBroker) => void;
  readonly #slots: number;
  readonly #context: Pick<HostContext, 'metrics' | 'wheel'>;
  readonly #prepared = new Map<string, LeanSession>();
  /** The newest epoch that has ended on this host, by session. */
  readonly #endedEpochs = new Map<string, number>();
  #recentEnds: EndedSession[] = [];

  /** @param send sends to the broker while the host is registered; drops the message otherwise */
  constructor(
    { name, slots }: Pick<HostPlan, 'name' | 'slots'>,
    context: Pick<HostContext, 'metrics' | 'wheel'>,
    send: (message: HostToBroker) => void,
  ) {
    this.name = name;
    this.#slots = slots;
    this.#context = context;
    this.send = send;
  }

  /** Admits a player with any ticket. @returns whether the player was admitted */
  admit({ sessionId, epoch, player }: ReservationClaim): boolean {
    const known = this.sessions.get(sessionId);
    if (this.isOver(sessionId, epoch) || (known?.epoch ?? 0) > epoch) return false;
    if (known === undefined && this.sessions.size >= this.#slots) return false;
    const prepared = this.#prepared.get(sessionId);
    this.#prepared.delete(sessionId);
    if (known?.epoch === epoch) return true;
    const incomingPausedSinceMs = prepared?.epoch === epoch ? prepared.incomingPausedSinceMs : undefined;
    this.sessions.set(sessionId, { epoch, player, pausedSinceMs: undefined, incomingPausedSinceMs });
    this.#context.metrics.record({ type: 'admitted', host: this.name, sessionId, epoch, player });
    const restored = incomingPausedSinceMs === undefined ? {} : { restored: true };
    this.send({ type: 'session', sessionId, epoch, state: 'active', ...restored });
    this.send({ type: 'session', sessionId, epoch, state: 'connected', ...restored });
    return true;
  }

  /** Ends a session because its player left. @returns whether the host held it at this epoch */
  endByPlayer(sessionId: string, epoch: number): boolean {
    const held = this.sessions.get(sessionId);
    if (held?.epoch !== epoch) return false;
    this.#remove(sessionId, held, 'client_left', 'host');
    this.#reportEnd(sessionId, epoch, 'client_left');
    return true;
  }

  endSession(sessionId: string, session: LeanSession, reason: EndReason): void {
    this.#remove(sessionId, session, reason, 'broker');
  }

  handlePrepare(frame: Extract<BrokerToHost, { type: 'prepare' }>): void {
    const { sessionId, epoch, playerId: player, claimWithinMs } = frame;
    if (this.isOver(sessionId, epoch)) return;
    // Its player came before this message.
    if (this.sessions.get(sessionId)?.epoch === epoch) return;
    this.#context.metrics.record({
      type: 'prepared',
      host: this.name,
      sessionId,
      epoch,
      player,
      claimWithinMs,
    });
    if ((this.sessions.get(sessionId)?.epoch ?? 0) >= epoch) return;
    const session = { epoch, player, pausedSinceMs: undefined, incomingPausedSinceMs: undefined };
    this.prepareSession(sessionId, session, claimWithinMs);
  }

  handleEnd({ sessionId, epoch, reason }: Extract<BrokerToHost, { type: 'end' }>): void {
    const session = this.sessions.get(sessionId) ?? this.#prepared.get(sessionId);
    if (session !== undefined && session.epoch <= epoch) this.endSession(sessionId, session, reason);
  }

  prepareSession(sessionId: string, session: LeanSession, claimWithinMs: number): void {
    this.#prepared.set(sessionId, session);
    this.#context.wheel.at(monotonicMs() + claimWithinMs, () => {
      if (this.#prepared.get(sessionId) === session) this.#prepared.delete(sessionId);
    });
  }

  findPrepared(sessionId: string): LeanSession | undefined {
    return this.#prepared.get(sessionId);
  }

  isOver(sessionId: string, epoch: number): boolean {
    return (this.#endedEpochs.get(sessionId) ?? 0) >= epoch;
  }

  /** Held and prepared sessions. */
  listAll(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    return [...this.sessions, ...this.#prepared].map(([sessionId, { epoch }]) => ({ sessionId, epoch }));
  }

  /** Held sessions, as a heartbeat lists them. */
  listHeld(): HeldSession[] {
    return [...this.sessions].map(([sessionId, held]) => ({
      ...{ sessionId, epoch: held.epoch, state: held.pausedSinceMs === undefined ? 'connected' : 'moving' },
      ...(isMoving(held) ? {} : { movable: true }),
    }));
  }

  resendRecentEnds(): void {
    const sinceMs = monotonicMs() - RESEND_ENDS_MS;
    this.#recentEnds = this.#recentEnds.filter(({ atMs }) => atMs >= sinceMs);
    for (const { sessionId, epoch, reason } of this.#recentEnds) {
      this.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
    }
  }

  #remove(sessionId: string, { epoch }: LeanSession, reason: EndReason, by: 'host' | 'broker'): void {
    this.sessions.delete(sessionId);
    this.#prepared.delete(sessionId);
    this.#endedEpochs.set(sessionId, epoch);
    this.#context.metrics.record({ type: 'host-ended', host: this.name, sessionId, epoch, reason, by });
  }

  #reportEnd(sessionId: string, epoch: number, reason: EndReason): void {
    this.#recentEnds.push({ sessionId, epoch, reason, atMs: monotonicMs() });
    if (this.#recentEnds.length > 2 * this.#slots + 64) this.#recentEnds.shift();
    this.send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  }
}
