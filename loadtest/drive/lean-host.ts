import type { BrokerToHost, EndReason, HeldSession, HostToBroker } from '@duskline/protocol';
import { CLOSE_CODES, type ErrorCode } from '@duskline/protocol/codes';
import { HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket } from 'ws';
import { monotonicMs } from './clock.js';
import type { HostContext } from './host-context.js';
import type { Claim, LoadHost } from './host-desk.js';
import { LeanMoves, isOnTheMove, type LeanSession } from './lean-moves.js';
import type { HostPlan } from './messages.js';
import type { Timer } from './timer-wheel.js';

interface Ended {
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
  readonly #moves: LeanMoves;
  readonly #held = new Map<string, LeanSession>();
  readonly #prepared = new Map<string, LeanSession>();
  /** The newest epoch that is over here, by session. */
  readonly #over = new Map<string, number>();
  #ended: Ended[] = [];
  #socket: WebSocket | undefined;
  #isRegistered = false;
  #wasSilent = false;
  #turn: number;
  #beat: Timer | undefined;
  #beatMs = 2_000;
  #state: 'open' | 'crashed' | 'leaving' = 'open';
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(plan: HostPlan, context: HostContext, first: number) {
    this.name = plan.name;
    this.#plan = plan;
    this.#context = context;
    this.#turn = first;
    this.registered = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#moves = new LeanMoves(context, {
      ...{ name: plan.name, held: this.#held },
      isOver: (sessionId, epoch) => this.#isOver(sessionId, epoch),
      expect: (sessionId, session, withinMs) => this.#expect(sessionId, session, withinMs),
      end: (sessionId, session, reason) => this.#end(sessionId, session, reason, 'broker'),
      send: (message) => this.#send(message),
    });
    this.#open();
  }

  admit({ sessionId, epoch, player }: Claim): boolean {
    const known = this.#held.get(sessionId);
    if (this.#isOver(sessionId, epoch) || (known?.epoch ?? 0) > epoch) return false;
    if (known === undefined && this.#held.size >= this.#plan.slots) return false;
    const prepared = this.#prepared.get(sessionId);
    this.#prepared.delete(sessionId);
    if (known?.epoch === epoch) return true;
    const comesSinceMs = prepared?.epoch === epoch ? prepared.comesSinceMs : undefined;
    this.#held.set(sessionId, { epoch, player, stillSinceMs: undefined, comesSinceMs });
    this.#context.tally.record({ type: 'admitted', host: this.name, sessionId, epoch, player });
    const restored = comesSinceMs === undefined ? {} : { restored: true };
    this.#send({ type: 'session', sessionId, epoch, state: 'active', ...restored });
    this.#send({ type: 'session', sessionId, epoch, state: 'connected', ...restored });
    return true;
  }

  leave(sessionId: string, epoch: number): boolean {
    const held = this.#held.get(sessionId);
    if (held?.epoch !== epoch) return false;
    this.#end(sessionId, held, 'client_left', 'host');
    return true;
  }

  sessions(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    return [...this.#held, ...this.#prepared].map(([sessionId, { epoch }]) => ({ sessionId, epoch }));
  }

  crash(): void {
    if (this.#state === 'crashed') return;
    this.#state = 'crashed';
    this.#beat?.cancel();
    this.#context.tally.record({ type: 'host-stopped', host: this.name, how: 'killed' });
    this.#socket?.terminate();
  }

  close(politely: boolean): Promise<void> {
    if (this.#state === 'open') this.#state = 'leaving';
    this.#beat?.cancel();
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

  #open(): void {
    const { urls } = this.#context;
    const url = urls[this.#turn % urls.length] ?? '';
    this.#turn += 1;
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
        sessions: this.#list(),
        sdk: 'duskline-loadtest/0.1.0',
      };
      socket.send(JSON.stringify(register));
    });
    socket.on('message', (data: Buffer) => this.#received(JSON.parse(data.toString()) as BrokerToHost));
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  #closed(code: number, reason: string): void {
    const { wheel, random, tally } = this.#context;
    this.#socket = undefined;
    this.#beat?.cancel();
    if (this.#isRegistered && this.#state === 'open') {
      this.#wasSilent = true;
      tally.record({ type: 'host-silent', host: this.name });
    }
    this.#isRegistered = false;
    if (this.#state !== 'open') return;
    const known = CLOSE_CODES[code as keyof typeof CLOSE_CODES] as { reconnect: boolean } | undefined;
    if (known?.reconnect === false) {
      tally.connectionError(reason);
      this.#settle?.reject(new Error(`The broker does not take the host ${this.name}: ${code} ${reason}`));
      return;
    }
    wheel.at(monotonicMs() + random() * RECONNECT_MS, () => {
      if (this.#state === 'open') this.#open();
    });
  }

  #received(frame: BrokerToHost): void {
    const { tally } = this.#context;
    switch (frame.type) {
      case 'registered':
        this.#registered(frame.heartbeatIntervalMs);
        return;
      case 'prepare': {
        const { sessionId, epoch, playerId: player, claimWithinMs } = frame;
        if (this.#isOver(sessionId, epoch)) return;
        tally.record({ type: 'prepared', host: this.name, sessionId, epoch, player, claimWithinMs });
        if ((this.#held.get(sessionId)?.epoch ?? 0) >= epoch) return;
        const session = { epoch, player, stillSinceMs: undefined, comesSinceMs: undefined };
        this.#expect(sessionId, session, claimWithinMs);
        return;
      }
      case 'end': {
        const { sessionId, epoch, reason } = frame;
        const here = this.#held.get(sessionId) ?? this.#prepared.get(sessionId);
        if (here !== undefined && here.epoch <= epoch) this.#end(sessionId, here, reason, 'broker');
        return;
      }
      case 'checkpoint':
      case 'restore':
      case 'moved':
      case 'resume':
        this.#moves.received(frame);
        return;
      case 'error': {
        const { code, sessionId } = frame;
        if (sessionId === undefined || !MOVE_REFUSALS.has(code)) return;
        this.#moves.refused(sessionId, this.#prepared.get(sessionId));
        return;
      }
      case 'signal':
        return;
    }
  }

  #registered(heartbeatIntervalMs: number): void {
    const { tally } = this.#context;
    const { slots } = this.#plan;
    this.#isRegistered = true;
    this.#beatMs = heartbeatIntervalMs;
    if (this.#wasSilent) tally.record({ type: 'host-back', host: this.name });
    else tally.record({ type: 'host-registered', host: this.name, slots });
    this.#wasSilent = false;
    const sinceMs = monotonicMs() - REMEMBER_ENDS_MS;
    this.#ended = this.#ended.filter(({ atMs }) => atMs >= sinceMs);
    for (const { sessionId, epoch, reason } of this.#ended) {
      this.#send({ type: 'session', sessionId, epoch, state: 'ended', reason });
    }
    this.#heartbeat();
    this.#settle?.resolve();
  }

  #heartbeat(): void {
    this.#moves.remind();
    const share = this.#held.size / this.#plan.slots;
    const load = { gpu: share, encoder: share, cpu: share / 2, network: share / 2 };
    this.#send({ type: 'heartbeat', load, sessions: this.#list() });
    if (this.#isRegistered) this.#socket?.ping();
    this.#beat = this.#context.wheel.at(monotonicMs() + this.#beatMs, () => this.#heartbeat());
  }

  #list(): HeldSession[] {
    return [...this.#held].map(([sessionId, held]) => ({
      ...{ sessionId, epoch: held.epoch, state: held.stillSinceMs === undefined ? 'connected' : 'moving' },
      ...(isOnTheMove(held) ? {} : { movable: true }),
    }));
  }

  #isOver(sessionId: string, epoch: number): boolean {
    return (this.#over.get(sessionId) ?? 0) >= epoch;
  }

  #expect(sessionId: string, session: LeanSession, withinMs: number): void {
    this.#prepared.set(sessionId, session);
    this.#context.wheel.at(monotonicMs() + withinMs, () => {
      if (this.#prepared.get(sessionId) === session) this.#prepared.delete(sessionId);
    });
  }

  #end(sessionId: string, held: LeanSession, reason: EndReason, by: 'host' | 'broker'): void {
    const { tally } = this.#context;
    const { epoch } = held;
    const wasHeld = this.#held.delete(sessionId);
    this.#prepared.delete(sessionId);
    this.#over.set(sessionId, epoch);
    tally.record({ type: 'host-ended', host: this.name, sessionId, epoch, reason, by });
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
