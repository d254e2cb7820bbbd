import type { BrokerToHost, EndReason, HeldSession, HostToBroker } from '@duskline/protocol';
import { CLOSE_CODES, type ErrorCode } from '@duskline/protocol/codes';
import { HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket } from 'ws';
import { monotonicMs } from '../clock.js';
import type { HostContext } from './host-context.js';
import type { ReservationClaim, LoadHost } from './host-call-router.js';
import { LeanHostMoves, isMoving, type LeanSession } from './lean-host-moves.js';
import type { HostPlan } from '../workers/worker-messages.js';
import type { Timer } from '../timer-wheel.js';

interface EndedSession {
  readonly sessionId: string;
  readonly epoch: number;
  readonly reason: EndReason;
  readonly atMs: number;
}

/** A registered host is back within this time when its broker is gone. */
const RECONNECT_MS = 500;

/** Ends that a broker may not have taken before it died are told again for so long. */
const REMEMBER_ENDS_MS = 10_000;

/** Errors that answer what it says of a move. */
const MOVE_REFUSALS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/** A host of few words: believes every ticket, and measures nothing. */
export class LeanHost implements LoadHost {
  readonly name: string;
  readonly registered: Promise<void>;
  readonly #plan: HostPlan;
  readonly #context: HostContext;
  readonly #moves: LeanHostMoves;
  readonly #sessions = new Map<string, LeanSession>();
  readonly #prepared = new Map<string, LeanSession>();
  /** The newest epoch that is over here, by session. */
  readonly #endedEpochs = new Map<string, number>();
  #ended: EndedSession[] = [];
  #socket: WebSocket | undefined;
  #isRegistered = false;
  #wasSilent = false;
  #urlIndex: number;
  #heartbeatTimer: Timer | undefined;
  #heartbeatIntervalMs = 2_000;
  #state: 'open' | 'crashed' | 'leaving' = 'open';
  #registration: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(plan: HostPlan, context: HostContext, first: number) {
    this.name = plan.name;
    this.#plan = plan;
    this.#context = context;
    this.#urlIndex = first;
    this.registered = new Promise((resolve, reject) => (this.#registration = { resolve, reject }));
    this.#moves = new LeanHostMoves(context, {
      ...{ name: plan.name, sessions: this.#sessions },
      isOver: (sessionId, epoch) => this.#isOver(sessionId, epoch),
      prepareSession: (sessionId, session, withinMs) => this.#prepareSession(sessionId, session, withinMs),
      endSession: (sessionId, session, reason) => this.#endSession(sessionId, session, reason, 'broker'),
      send: (message) => this.#send(message),
    });
    this.#connect();
  }

  admitPlayer({ sessionId, epoch, player }: ReservationClaim): boolean {
    const known = this.#sessions.get(sessionId);
    if (this.#isOver(sessionId, epoch) || (known?.epoch ?? 0) > epoch) return false;
    if (known === undefined && this.#sessions.size >= this.#plan.slots) return false;
    const prepared = this.#prepared.get(sessionId);
    this.#prepared.delete(sessionId);
    if (known?.epoch === epoch) return true;
    const incomingPausedSinceMs = prepared?.epoch === epoch ? prepared.incomingPausedSinceMs : undefined;
    this.#sessions.set(sessionId, { epoch, player, pausedSinceMs: undefined, incomingPausedSinceMs });
    this.#context.metrics.record({ type: 'admitted', host: this.name, sessionId, epoch, player });
    const restored = incomingPausedSinceMs === undefined ? {} : { restored: true };
    this.#send({ type: 'session', sessionId, epoch, state: 'active', ...restored });
    this.#send({ type: 'session', sessionId, epoch, state: 'connected', ...restored });
    return true;
  }

  endSession(sessionId: string, epoch: number): boolean {
    const held = this.#sessions.get(sessionId);
    if (held?.epoch !== epoch) return false;
    this.#endSession(sessionId, held, 'client_left', 'host');
    return true;
  }

  listSessions(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    return [...this.#sessions, ...this.#prepared].map(([sessionId, { epoch }]) => ({ sessionId, epoch }));
  }

  crash(): void {
    if (this.#state === 'crashed') return;
    this.#state = 'crashed';
    this.#heartbeatTimer?.cancel();
    this.#context.metrics.record({ type: 'host-stopped', host: this.name, how: 'killed' });
    this.#socket?.terminate();
  }

  close(politely: boolean): Promise<void> {
    if (this.#state === 'open') this.#state = 'leaving';
    this.#heartbeatTimer?.cancel();
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (politely && this.#isRegistered) {
      this.#send({ type: 'leave' });
      socket.close(1000);
      setTimeout(() => socket.terminate(), 2_000).unref();
    } else {
      socket.terminate();
    }
    return closed;
  }

  #connect(): void {
    const { urls } = this.#context;
    const url = urls[this.#urlIndex % urls.length] ?? '';
    this.#urlIndex += 1;
    const socket = new WebSocket(`${url}${HOST_PATH}`, SUBPROTOCOL, {
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    this.#socket = socket;
    socket.on('open', () => {
      const { hostId, region, pool, slots, token } = this.#plan;
      const endpoint = `ws://loadtest.invalid/${hostId}`;
      const register: HostToBroker = {
        ...{ type: 'register', token, hostId, region, pool, slots, endpoint },
        sessions: this.#listHeldSessions(),
        sdk: 'duskline-loadtest/0.1.0',
      };
      socket.send(JSON.stringify(register));
    });
    socket.on('message', (data: Buffer) => this.#handleFrame(JSON.parse(data.toString()) as BrokerToHost));
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => this.#handleClose(code, reason.toString()));
  }

  #handleClose(code: number, reason: string): void {
    const { wheel, random, metrics } = this.#context;
    this.#socket = undefined;
    this.#heartbeatTimer?.cancel();
    if (this.#isRegistered && this.#state === 'open') {
      this.#wasSilent = true;
      metrics.record({ type: 'host-silent', host: this.name });
    }
    this.#isRegistered = false;
    if (this.#state !== 'open') return;
    const known = CLOSE_CODES[code as keyof typeof CLOSE_CODES] as { reconnect: boolean } | undefined;
    if (known?.reconnect === false) {
      metrics.countConnectionError(reason);
      this.#registration?.reject(
        new Error(`The broker does not take the host ${this.name}: ${code} ${reason}`),
      );
      return;
    }
    wheel.at(monotonicMs() + random() * RECONNECT_MS, () => {
      if (this.#state === 'open') this.#connect();
    });
  }

  #handleFrame(frame: BrokerToHost): void {
    const { metrics } = this.#context;
    switch (frame.type) {
      case 'registered':
        this.#handleRegistered(frame.heartbeatIntervalMs);
        return;
      case 'prepare': {
        const { sessionId, epoch, playerId: player, claimWithinMs } = frame;
        if (this.#isOver(sessionId, epoch)) return;
        metrics.record({ type: 'prepared', host: this.name, sessionId, epoch, player, claimWithinMs });
        if ((this.#sessions.get(sessionId)?.epoch ?? 0) >= epoch) return;
        const session = { epoch, player, pausedSinceMs: undefined, incomingPausedSinceMs: undefined };
        this.#prepareSession(sessionId, session, claimWithinMs);
        return;
      }
      case 'end': {
        const { sessionId, epoch, reason } = frame;
        const here = this.#sessions.get(sessionId) ?? this.#prepared.get(sessionId);
        if (here !== undefined && here.epoch <= epoch) this.#endSession(sessionId, here, reason, 'broker');
        return;
      }
      case 'checkpoint':
      case 'restore':
      case 'moved':
      case 'resume':
        this.#moves.handleMoveMessage(frame);
        return;
      case 'error': {
        const { code, sessionId } = frame;
        if (sessionId === undefined || !MOVE_REFUSALS.has(code)) return;
        this.#moves.handleMoveRefused(sessionId, this.#prepared.get(sessionId));
        return;
      }
      case 'signal':
        return;
    }
  }

  #handleRegistered(heartbeatIntervalMs: number): void {
    const { metrics } = this.#context;
    const { slots } = this.#plan;
    this.#isRegistered = true;
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    if (this.#wasSilent) metrics.record({ type: 'host-back', host: this.name });
    else metrics.record({ type: 'host-registered', host: this.name, slots });
    this.#wasSilent = false;
    const sinceMs = monotonicMs() - REMEMBER_ENDS_MS;
    this.#ended = this.#ended.filter(({ atMs }) => atMs >= sinceMs);
    for (const { sessionId, epoch, reason } of this.#ended) {
      this.#send({ type: 'session', sessionId, epoch, state: 'ended', reason });
    }
    this.#sendHeartbeat();
    this.#registration?.resolve();
  }

  #sendHeartbeat(): void {
    this.#moves.resendRestored();
    const share = this.#sessions.size / this.#plan.slots;
    const load = { gpu: share, encoder: share, cpu: share / 2, network: share / 2 };
    this.#send({ type: 'heartbeat', load, sessions: this.#listHeldSessions() });
    if (this.#isRegistered) this.#socket?.ping();
    this.#heartbeatTimer = this.#context.wheel.at(monotonicMs() + this.#heartbeatIntervalMs, () =>
      this.#sendHeartbeat(),
    );
  }

  #listHeldSessions(): HeldSession[] {
    return [...this.#sessions].map(([sessionId, held]) => ({
      ...{ sessionId, epoch: held.epoch, state: held.pausedSinceMs === undefined ? 'connected' : 'moving' },
      ...(isMoving(held) ? {} : { movable: true }),
    }));
  }

  #isOver(sessionId: string, epoch: number): boolean {
    return (this.#endedEpochs.get(sessionId) ?? 0) >= epoch;
  }

  #prepareSession(sessionId: string, session: LeanSession, withinMs: number): void {
    this.#prepared.set(sessionId, session);
    this.#context.wheel.at(monotonicMs() + withinMs, () => {
      if (this.#prepared.get(sessionId) === session) this.#prepared.delete(sessionId);
    });
  }

  #endSession(sessionId: string, held: LeanSession, reason: EndReason, by: 'host' | 'broker'): void {
    const { metrics } = this.#context;
    const { epoch } = held;
    const wasHeld = this.#sessions.delete(sessionId);
    this.#prepared.delete(sessionId);
    this.#endedEpochs.set(sessionId, epoch);
    metrics.record({ type: 'host-ended', host: this.name, sessionId, epoch, reason, by });
    if (!wasHeld || by === 'broker') return;
    const atMs = monotonicMs();
    this.#ended.push({ sessionId, epoch, reason, atMs });
    if (this.#ended.length > 2 * this.#plan.slots + 64) this.#ended.shift();
    this.#send({ type: 'session', sessionId, epoch, state: 'ended', reason });
  }

  #send(message: HostToBroker): void {
    if (this.#isRegistered && this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }
}
