import type { BrokerToHost, HeldSession, HostToBroker, Registered } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { TypedEvents } from '@duskline/sdk-runtime';
import type { Admission } from '../admission/admission.js';
import type { ClaimedTicket } from '../admission/ticket-verifier.js';
import type { HostEvents } from '../host-interface.js';
import type { HostSettings } from '../host-options.js';
import { decodeCheckpoint } from '../sessions/checkpoint.js';
import { HostSessions, type AcceptedReservation } from '../sessions/host-sessions.js';
import { HostedSessions, type ApplicationEvent, type HostedSession } from '../sessions/hosted-session.js';
import type { SessionEffect, SessionNotice } from '../sessions/session-events.js';
import type { PreparedSession } from '../sessions/session-record.js';
import { checkSignalData } from '../sessions/signal-data.js';
import { ApplicationCalls } from './application-calls.js';
import { DeadlineTimer } from './deadline-timer.js';

/** Errors with which brokers answer `checkpoint` and `restored`. */
const MOVE_ERRORS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/** What the sessions need from the connection to the broker. */
export interface BrokerLink {
  /** Whether a broker has registered the host on the present connection. */
  isRegistered(): boolean;
  /** How many pings were sent, over all connections. */
  pingsSent(): number;
  /** Sends a message to the broker. Returns false if there is no registered connection. */
  send(message: HostToBroker): boolean;
}

/** What the session runner needs from the host. */
export interface SessionRunnerPort {
  readonly link: BrokerLink;
  readonly events: TypedEvents<HostEvents>;
  /** Lets waiting clients try again: a slot may have become free, or their sessions may be over. */
  retryWaiting(): void;
}

type SessionMessage = Exclude<BrokerToHost, Registered>;
type RestoreOrder = Extract<BrokerToHost, { type: 'restore' }>;
type CheckpointOrder = Extract<BrokerToHost, { type: 'checkpoint' }>;

/** Runs the sessions of a host: turns messages, calls and deadlines into events of sessions, and carries their effects out. */
export class SessionRunner {
  readonly #settings: HostSettings;
  readonly #port: SessionRunnerPort;
  readonly #sessions: HostSessions;
  readonly #hosted: HostedSessions;
  readonly #calls: ApplicationCalls;
  readonly #deadlines: DeadlineTimer;
  #isOpen = true;

  constructor(settings: HostSettings, port: SessionRunnerPort) {
    const { clock, identity, movable, onCheckpoint } = settings;
    this.#settings = settings;
    this.#port = port;
    this.#hosted = new HostedSessions((sessionId, event) => this.#dispatchByApplication(sessionId, event));
    this.#deadlines = new DeadlineTimer(clock, () => {
      this.#sessions.dispatchToLive({ type: 'time' });
      return this.#sessions.nextDeadlineMs();
    });
    const movability = { byDefault: movable, isPossible: onCheckpoint !== undefined };
    this.#sessions = new HostSessions(identity.slots, movability, {
      nowMs: () => clock.monotonicMs(),
      isRegistered: () => port.link.isRegistered(),
      pingsSent: () => port.link.pingsSent(),
      runEffect: (sessionId, effect) => this.#runEffect(sessionId, effect),
      updateHandle: (before, after) => this.#hosted.update(before, after),
      scheduleCheck: (dueAtMs) => this.#deadlines.schedule(dueAtMs),
    });
    this.#calls = new ApplicationCalls(settings, (sessionId, event) =>
      this.#sessions.dispatch(sessionId, event),
    );
  }

  /** Whether the host admits clients and sends signals. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get usage(): { readonly prepared: number; readonly held: number } {
    return this.#sessions.count();
  }

  /** The sessions that were admitted and have not ended. */
  held(): HostedSession[] {
    return this.#sessions.held().map(({ claim }) => this.#hosted.get(claim));
  }

  /** The sessions that `register` lists. */
  listHeld(): HeldSession[] {
    return this.#sessions.listHeld();
  }

  /** The sessions that a heartbeat lists. */
  listForHeartbeat(): HeldSession[] {
    this.#sessions.dispatchToLive({ type: 'heartbeat' });
    return this.#sessions.listHeld();
  }

  /** The reservations for which the host is ready, for heartbeats. */
  listAccepted(): AcceptedReservation[] {
    return this.#sessions.listAccepted();
  }

  handleRegistered(): void {
    this.#sessions.handleRegistered();
  }

  handlePong(ping: number): void {
    this.#sessions.handlePong(ping);
  }

  handleMessage(message: SessionMessage): void {
    switch (message.type) {
      case 'prepare':
        this.#sessions.dispatch(message.sessionId, { type: 'prepare', session: toPreparedSession(message) });
        return;
      case 'restore':
        this.#handleRestore(message);
        return;
      case 'checkpoint':
        this.#handleCheckpointOrder(message);
        return;
      case 'resume':
        this.#sessions.dispatch(message.sessionId, { type: 'resume_ordered', epoch: message.epoch });
        return;
      case 'moved':
        this.#sessions.dispatch(message.sessionId, { type: 'moved', epoch: message.epoch });
        return;
      case 'end': {
        const { sessionId, epoch, reason } = message;
        this.#sessions.dispatch(sessionId, { type: 'end_ordered', epoch, reason });
        return;
      }
      case 'signal': {
        const { sessionId, epoch, data } = message;
        this.#sessions.dispatch(sessionId, { type: 'signal_received', epoch, data });
        return;
      }
      case 'error': {
        const { code, sessionId } = message;
        this.#settings.logger.warn({ code, sessionId }, 'The broker sent an error');
        if (sessionId !== undefined && MOVE_ERRORS.has(code)) {
          this.#sessions.dispatch(sessionId, { type: 'move_refused' });
        }
        this.#port.events.emit('error', message);
        return;
      }
      default:
        message satisfies never;
    }
  }

  /** A client shows a valid ticket. */
  showTicket({ sessionId, ...ticket }: ClaimedTicket): Admission {
    if (!this.#isOpen) return { ok: false, reason: 'host_closed' };
    const { answer } = this.#sessions.dispatch(sessionId, { type: 'ticket', ...ticket });
    if (answer === undefined) throw new Error('A ticket was not answered.');
    if (!answer.ok) return { ok: false, reason: answer.fault };
    return { ok: true, session: this.#hosted.get(answer.claim), readmitted: answer.readmitted };
  }

  /** A client shows a ticket that has expired and is valid otherwise. */
  refuseExpired({ sessionId, epoch }: ClaimedTicket): void {
    if (!this.#sessions.dispatch(sessionId, { type: 'ticket_expired', epoch }).hasEffect) return;
    this.#settings.logger.warn(
      { sessionId },
      'A ticket expired before its reservation: the clocks of broker and host differ',
    );
  }

  /** A client with a valid ticket has waited for a slot, and none became free. */
  refuseWithoutSlot({ sessionId, epoch }: ClaimedTicket): void {
    this.#sessions.dispatch(sessionId, { type: 'slot_wait_over', epoch });
  }

  /** Sends a signal to the client of a session or reservation. Returns false if it can be neither sent nor kept. */
  signal(sessionId: string, data: string): boolean {
    return this.#dispatchByApplication(sessionId, { type: 'signal_given', data });
  }

  /** The host leaves the fleet. */
  leave(): void {
    this.stopAdmitting();
    this.#sessions.dispatchToLive({ type: 'left' });
  }

  /** Admits no client any more: the connection is about to be closed permanently. */
  stopAdmitting(): void {
    this.#isOpen = false;
    this.#port.retryWaiting();
  }

  /** The connection is closed permanently. */
  close(): void {
    this.stopAdmitting();
    this.#sessions.dispatchToLive({ type: 'closed' });
    this.#deadlines.stop();
  }

  #dispatchByApplication(sessionId: string, event: ApplicationEvent): boolean {
    if (event.type === 'signal_given') {
      checkSignalData(event.data);
      if (!this.#isOpen) return false;
    }
    return this.#sessions.dispatch(sessionId, event).hasEffect;
  }

  #handleRestore(order: RestoreOrder): void {
    const { sessionId, withinMs } = order;
    const checkpoint = decodeCheckpoint(order);
    if (this.#settings.onRestore === undefined)
      this.#refuseMove(order, 'This host does not restore sessions.');
    else if (checkpoint === undefined) this.#refuseMove(order, 'The order has no checkpoint, or two.');
    else {
      const session = toPreparedSession(order);
      this.#sessions.dispatch(sessionId, { type: 'restore', session, checkpoint, withinMs });
    }
  }

  #handleCheckpointOrder(order: CheckpointOrder): void {
    const { sessionId, epoch, withinMs, stillMs } = order;
    if (this.#settings.onCheckpoint === undefined) {
      this.#refuseMove(order, 'This host does not create checkpoints.');
    } else {
      this.#sessions.dispatch(sessionId, { type: 'checkpoint_ordered', epoch, withinMs, stillMs });
    }
  }

  #refuseMove({ sessionId, epoch }: RestoreOrder | CheckpointOrder, reason: string): void {
    this.#send({ type: 'cannot_move', sessionId, epoch, reason });
  }

  #send(message: HostToBroker): boolean {
    if (message.type === 'cannot_move') {
      const { sessionId, epoch, reason } = message;
      this.#settings.logger.info({ sessionId, epoch, reason }, 'Refused to move a session');
    }
    return this.#port.link.send(message);
  }

  #runEffect(sessionId: string, effect: SessionEffect): void {
    switch (effect.type) {
      case 'send': {
        const { sent, unsent } = effect;
        const outcome = this.#send(effect.message) ? sent : unsent;
        if (outcome !== undefined) this.#sessions.dispatch(sessionId, outcome);
        return;
      }
      case 'notify':
        this.#notify(effect.notice);
        return;
      case 'replace_stream':
        this.#notifyReplaced(effect);
        return;
      case 'call_on_prepare':
        this.#settings.logger.debug(
          { sessionId, epoch: effect.session.epoch },
          'The broker prepares a session',
        );
        void this.#calls.prepare(effect.session);
        return;
      case 'call_on_restore':
        void this.#calls.restore(effect.session, effect.checkpoint);
        return;
      case 'call_on_checkpoint':
        void this.#calls.checkpoint(this.#hosted.get(effect.claim), effect.call);
        return;
      case 'retry_waiting':
        this.#port.retryWaiting();
    }
  }

  #notifyReplaced({ former, claim }: Extract<SessionEffect, { type: 'replace_stream' }>): void {
    const [replaced, session] = [this.#hosted.get(former), this.#hosted.get(claim)];
    const { sessionId, epoch } = session;
    this.#port.events.emit('streamReplaced', { sessionId, epoch, replaced, session });
  }

  #notify(notice: SessionNotice): void {
    const { events } = this.#port;
    switch (notice.event) {
      case 'prepare':
        events.emit('prepare', notice.payload);
        return;
      case 'end':
        events.emit('end', notice.payload);
        return;
      case 'resume':
      case 'moved':
        events.emit(notice.event, notice.payload);
        return;
      case 'limit':
        events.emit('limit', notice.payload);
        return;
      case 'signal':
        events.emit('signal', notice.payload);
    }
  }
}

function toPreparedSession(order: PreparedSession): PreparedSession {
  const { sessionId, epoch, title, playerId, stream, claimWithinMs, limits } = order;
  const limited = limits === undefined ? {} : { limits };
  return { sessionId, epoch, title, playerId, stream, claimWithinMs, ...limited };
}
