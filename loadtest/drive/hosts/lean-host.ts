import type { BrokerToHost, HostToBroker } from '@duskline/protocol';
import { CLOSE_CODES, type ErrorCode } from '@duskline/protocol/codes';
import { HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket } from 'ws';
import { monotonicMs } from '../clock.js';
import type { ReservationClaim } from '../host-calls.js';
import type { Timer } from '../timer-wheel.js';
import type { HostPlan } from '../worker-messages.js';
import type { LoadHost } from './host-call-router.js';
import type { HostContext } from './host-context.js';
import { LeanHostMoves } from './lean-host-moves.js';
import { LeanHostSessions } from './lean-host-sessions.js';

/** The longest delay before a reconnect. */
const MAX_RECONNECT_DELAY_MS = 500;

/** Errors with which a broker answers a message about a move. */
const MOVE_REFUSALS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/** A host without the SDK, as cheap as possible: it accepts every ticket and reports a load computed from its sessions. */
export class LeanHost implements LoadHost {
  readonly name: string;
  readonly registered: Promise<void>;
  readonly #plan: HostPlan;
  readonly #context: HostContext;
  readonly #sessions: LeanHostSessions;
  readonly #moves: LeanHostMoves;
  #socket: WebSocket | undefined;
  #isRegistered = false;
  #wasSilent = false;
  #urlIndex: number;
  #heartbeatTimer: Timer | undefined;
  #heartbeatIntervalMs = 2_000;
  #state: 'open' | 'crashed' | 'leaving' = 'open';
  #registration: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  /** @param firstUrlIndex index of the broker that is tried first */
  constructor(plan: HostPlan, context: HostContext, firstUrlIndex: number) {
    this.name = plan.name;
    this.#plan = plan;
    this.#context = context;
    this.#urlIndex = firstUrlIndex;
    this.registered = new Promise((resolve, reject) => (this.#registration = { resolve, reject }));
    this.#sessions = new LeanHostSessions(plan, context, (message) => this.#send(message));
    this.#moves = new LeanHostMoves(context, this.#sessions);
    this.#connect();
  }

  admitPlayer(claim: ReservationClaim): boolean {
    return this.#sessions.admit(claim);
  }

  endSession(sessionId: string, epoch: number): boolean {
    return this.#sessions.endByPlayer(sessionId, epoch);
  }

  listSessions(): readonly { readonly sessionId: string; readonly epoch: number }[] {
    return this.#sessions.listAll();
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
        sessions: this.#sessions.listHeld(),
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
      this.#registration?.reject(new Error(`The broker rejected the host ${this.name}: ${code} ${reason}`));
      return;
    }
    wheel.at(monotonicMs() + random() * MAX_RECONNECT_DELAY_MS, () => {
      if (this.#state === 'open') this.#connect();
    });
  }

  #handleFrame(frame: BrokerToHost): void {
    switch (frame.type) {
      case 'registered':
        this.#handleRegistered(frame.heartbeatIntervalMs);
        return;
      case 'prepare':
        this.#sessions.handlePrepare(frame);
        return;
      case 'end':
        this.#sessions.handleEnd(frame);
        return;
      case 'checkpoint':
      case 'restore':
      case 'moved':
      case 'resume':
        this.#moves.handleMoveMessage(frame);
        return;
      case 'error': {
        const { code, sessionId } = frame;
        if (sessionId === undefined || !MOVE_REFUSALS.has(code)) return;
        this.#moves.handleMoveRefused(sessionId, this.#sessions.findPrepared(sessionId));
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
    this.#sessions.resendRecentEnds();
    this.#sendHeartbeat();
    this.#registration?.resolve();
  }

  #sendHeartbeat(): void {
    this.#moves.resendRestored();
    const share = this.#sessions.sessions.size / this.#plan.slots;
    const load = { gpu: share, encoder: share, cpu: share / 2, network: share / 2 };
    this.#send({ type: 'heartbeat', load, sessions: this.#sessions.listHeld() });
    if (this.#isRegistered) this.#socket?.ping();
    this.#heartbeatTimer = this.#context.wheel.at(monotonicMs() + this.#heartbeatIntervalMs, () =>
      this.#sendHeartbeat(),
    );
  }

  #send(message: HostToBroker): void {
    if (this.#isRegistered && this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }
}
