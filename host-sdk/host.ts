import type { BrokerToHost, EndReason, Prepare, Registered } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { Admission, RefusalReason } from './admission/admission.js';
import { BrokerConnection } from './connection/broker-connection.js';
import { createLoadReader } from './connection/load-reader.js';
import type { Host, HostEvents } from './host-interface.js';
import { resolveOptions, type HostOptions, type HostSettings, type PreparedSession } from './host-options.js';
import { HostClosedError, type HostStatus } from './connection/host-status.js';
import { createHostedSession, type HostedSession } from './sessions/hosted-session.js';
import { LimitEnforcer } from './limits/limit-enforcer.js';
import { SessionMoves } from './moves/session-moves.js';
import {
  SessionTable,
  type EndedRecord,
  type PrepareOutcome,
  type SessionRecord,
} from './sessions/session-table.js';
import { isHeld, type ReportedEvent } from './sessions/session-transitions.js';
import { TicketVerifier } from './admission/ticket-verifier.js';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import { UnconfirmedEnds } from './sessions/unconfirmed-ends.js';
import { UnsentSignals, checkSignalData } from './sessions/unsent-signals.js';

/** Errors that answer `checkpoint` and `restored`. */
const MOVE_ERRORS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/** Makes a host and starts to connect. Throws a TypeError for options that cannot work. */
export function createHost(options: HostOptions): Host {
  return new BrokerConnectedHost(resolveOptions(options));
}

class BrokerConnectedHost implements Host {
  readonly #settings: HostSettings;
  readonly #events: TypedEvents<HostEvents>;
  readonly #table: SessionTable;
  readonly #verifier: TicketVerifier;
  readonly #unconfirmedEnds: UnconfirmedEnds;
  readonly #limitEnforcer: LimitEnforcer;
  readonly #unsentSignals = new UnsentSignals();
  readonly #moves: SessionMoves;
  readonly #connection: BrokerConnection;
  readonly #handles = new WeakMap<SessionRecord, HostedSession>();
  #isOpen = true;

  constructor(settings: HostSettings) {
    const { identity, clock, logger } = settings;
    this.#settings = settings;
    this.#events = new TypedEvents((event, error) =>
      logger.error({ event, err: error }, 'A listener of the host failed'),
    );
    this.#table = new SessionTable(identity.slots, settings.movable);
    this.#verifier = new TicketVerifier({
      address: identity,
      wallMs: () => clock.wallMs(),
      toleranceMs: settings.ticketToleranceMs,
    });
    this.#unconfirmedEnds = new UnconfirmedEnds(64 + 2 * identity.slots);
    this.#limitEnforcer = new LimitEnforcer(clock, {
      records: () => this.#table.records(),
      sendNotice: ({ sessionId, epoch }, notice) =>
        this.#connection.send({ type: 'limit', sessionId, epoch, ...notice }),
      emitNotice: ({ sessionId, epoch }, notice) =>
        this.#events.emit('limit', { sessionId, epoch, ...notice }),
      endSession: (record, reason) => {
        if (this.#reportEvent(record, 'end', reason)) this.#notifyEnded([{ record, reason }]);
      },
    });
    this.#moves = new SessionMoves(settings, this.#table, {
      send: (message) => this.#connection.send(message),
      reportState: (record) => this.#reportState(record),
      handleOf: (record) => this.#handleOf(record),
      addSession: (session) => this.#addSession(session, false),
      endRestoredSession: (record) => this.#dropSession(record, 'move_failed'),
      emit: (event, payload) => this.#events.emit(event, payload),
    });
    const readLoad = createLoadReader(settings.measureLoad, (error) =>
      logger.warn({ err: error }, 'The load could not be measured'),
    );
    this.#connection = new BrokerConnection(settings, {
      createRegister: () => {
        this.#unconfirmedEnds.markAllUnsent();
        return { type: 'register', ...identity, sessions: this.#table.listHeld() };
      },
      createHeartbeat: () => {
        this.#moves.repeatRestoredStates();
        const load = readLoad();
        return load === null ? null : { type: 'heartbeat', load, sessions: this.#table.listHeld() };
      },
      handleRegistered: (message) => this.#handleRegistered(message),
      handleMessage: (message) => this.#handleMessage(message),
      handleTraffic: () => this.#unconfirmedEnds.confirmSent(),
      handleTimePassed: () => this.#notifyEnded(this.#table.expireReservations(clock.monotonicMs())),
      handleStatus: (status) => {
        if (status.state === 'closed') {
          this.#isOpen = false;
          this.#limitEnforcer.stop();
          this.#moves.stop();
        }
        this.#events.emit('status', status);
      },
    });
    this.#connection.start();
  }

  get status(): HostStatus {
    return this.#connection.status;
  }

  get usage(): Host['usage'] {
    const { slots } = this.#settings.identity;
    return { slots, ...this.#table.countSessions(this.#settings.clock.monotonicMs()) };
  }

  sessions(): HostedSession[] {
    return this.#table
      .records()
      .filter(({ state }) => isHeld(state))
      .map((record) => this.#handleOf(record));
  }

  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void {
    return this.#events.on(event, listener);
  }

  whenRegistered(): Promise<void> {
    return new Promise((resolve, reject) => {
      let stop = (): void => undefined;
      const checkStatus = (status: HostStatus): void => {
        if (status.state === 'registered') resolve();
        else if (status.state === 'closed') reject(new HostClosedError(status));
        else return;
        stop();
      };
      stop = this.on('status', checkStatus);
      checkStatus(this.status);
    });
  }

  admit(ticket: string): Admission {
    if (!this.#isOpen) return this.#refuseAdmission('host_closed');
    const check = this.#verifier.verify(ticket);
    if (!check.ok) return this.#refuseAdmission(check.fault);
    const { sid: sessionId, sub: playerId, epoch, title } = check.claims;
    const claim = this.#table.claim(
      { sessionId, playerId, epoch, title },
      this.#settings.clock.monotonicMs(),
    );
    if (!claim.ok) return this.#refuseAdmission(claim.fault, sessionId);
    this.#reportState(claim.record);
    if (claim.replaced !== undefined) this.#notifyEnded([claim.replaced]);
    this.#limitEnforcer.scheduleCheck();
    return { ok: true, session: this.#handleOf(claim.record), readmitted: claim.readmitted };
  }

  signal(sessionId: string, data: string): boolean {
    const record = this.#table.get(sessionId);
    return record !== undefined && this.#sendOrQueueSignal(record, data);
  }

  leave(): Promise<void> {
    this.#isOpen = false;
    const left = this.#connection.close('left');
    for (const record of this.#table.records()) {
      this.#table.applyEvent(record, 'end');
      this.#notifyEnded([{ record, reason: 'host_ended' }]);
    }
    return left;
  }

  close({ abrupt = false } = {}): Promise<void> {
    this.#isOpen = false;
    return this.#connection.close('closed', abrupt);
  }

  #handleRegistered({ ticketKey }: Registered): boolean {
    if (!this.#verifier.setKey(ticketKey)) return false;
    // Ends come before the heartbeat, whose list lacks these sessions without saying why.
    this.#unconfirmedEnds.resend((end) => this.#connection.send({ type: 'session', state: 'ended', ...end }));
    this.#limitEnforcer.resendNotices();
    this.#moves.resendAnswers();
    this.#unsentSignals.flush((record, data) => this.#sendSignal(record, data));
    return true;
  }

  #handleMessage(message: Exclude<BrokerToHost, Registered>): void {
    switch (message.type) {
      case 'prepare':
        this.#handlePrepare(message);
        return;
      case 'checkpoint':
      case 'restore':
      case 'moved':
      case 'resume':
        this.#moves.handleMessage(message);
        return;
      case 'end': {
        const { sessionId, epoch, reason } = message;
        const record = this.#table.endByBroker(sessionId, epoch);
        if (record !== undefined) this.#notifyEnded([{ record, reason }]);
        return;
      }
      case 'signal': {
        const { sessionId, epoch, data } = message;
        // Another assignment than the one it was meant for knows nothing of what was agreed so far.
        if (this.#table.get(sessionId)?.epoch === epoch)
          this.#events.emit('signal', { sessionId, epoch, data });
        return;
      }
      case 'error': {
        const { code, sessionId } = message;
        this.#settings.logger.warn({ code, sessionId }, 'The broker reports an error');
        if (sessionId !== undefined && MOVE_ERRORS.has(code)) this.#moves.handleRefusal(sessionId);
        this.#events.emit('error', message);
        return;
      }
      default:
        message satisfies never;
    }
  }

  #handlePrepare({ sessionId, epoch, title, playerId, stream, claimWithinMs, limits }: Prepare): void {
    const limited = limits === undefined ? {} : { limits };
    const session: PreparedSession = { sessionId, epoch, title, playerId, stream, claimWithinMs, ...limited };
    const outcome = this.#addSession(session, true);
    if (outcome.kind !== 'prepared') return;
    this.#events.emit('prepare', session);
    void this.#runOnPrepare(session, outcome.record);
  }

  #addSession(session: PreparedSession, begun: boolean): PrepareOutcome {
    const { sessionId, epoch } = session;
    const outcome = this.#table.prepare(session, this.#settings.clock.monotonicMs(), begun);
    // Its client may have been faster, and then its limits count already.
    this.#limitEnforcer.scheduleCheck();
    this.#settings.logger.debug({ sessionId, epoch, outcome: outcome.kind }, 'The broker prepares a session');
    if (outcome.kind === 'prepared' && outcome.replaced !== undefined) this.#notifyEnded([outcome.replaced]);
    return outcome;
  }

  async #runOnPrepare(session: PreparedSession, record: SessionRecord): Promise<void> {
    let accepted = false;
    try {
      accepted = await this.#settings.onPrepare(session);
    } catch (error) {
      this.#settings.logger.error({ sessionId: session.sessionId, err: error }, 'onPrepare failed');
    }
    if (!accepted) this.#dropSession(record, 'error');
  }

  /** The application does not want it: it knows of its own refusal, but not that a client came in before that. */
  #dropSession(record: SessionRecord, reason: EndReason): void {
    const wasHeld = isHeld(record.state);
    if (this.#reportEvent(record, 'end', reason) && wasHeld) this.#notifyEnded([{ record, reason }]);
  }

  #reportState({ sessionId, epoch, state, begun }: SessionRecord): void {
    if (state === 'active' || state === 'connected' || state === 'disconnected') {
      this.#connection.send({
        type: 'session',
        sessionId,
        epoch,
        state,
        ...(begun ? {} : { restored: true }),
      });
    }
  }

  #reportEvent(record: SessionRecord, event: ReportedEvent, reason?: EndReason): boolean {
    if (!this.#table.applyEvent(record, event)) return false;
    const { sessionId, epoch, state } = record;
    if (state === 'ended') {
      const end = { sessionId, epoch, reason: reason ?? 'host_ended' };
      this.#unconfirmedEnds.add(end, this.#connection.send({ type: 'session', state, ...end }));
    } else if (state !== 'connected' || !this.#moves.resumeSession(record)) {
      // Otherwise its client came back to a session that was held still, which was told just now.
      this.#reportState(record);
    }
    return true;
  }

  #sendOrQueueSignal(record: SessionRecord, data: string): boolean {
    checkSignalData(data);
    if (!this.#isOpen || record.state === 'ended') return false;
    return this.#sendSignal(record, data) || this.#unsentSignals.add(record, data);
  }

  #sendSignal({ sessionId, epoch }: SessionRecord, data: string): boolean {
    return this.#connection.send({ type: 'signal', sessionId, epoch, data });
  }

  #handleOf(record: SessionRecord): HostedSession {
    let handle = this.#handles.get(record);
    if (handle === undefined) {
      handle = createHostedSession(record, {
        reportEvent: (...report) => this.#reportEvent(...report),
        recordActivity: (active) => this.#limitEnforcer.recordActivity(active),
        setMovable: (changed, movable) => {
          changed.movable = movable && this.#settings.onCheckpoint !== undefined;
        },
        sendSignal: (sender, data) => this.#sendOrQueueSignal(sender, data),
      });
      this.#handles.set(record, handle);
    }
    return handle;
  }

  #notifyEnded(ended: readonly EndedRecord[]): void {
    for (const { record, reason } of ended) {
      this.#events.emit('end', { sessionId: record.sessionId, epoch: record.epoch, reason });
    }
  }

  #refuseAdmission(reason: RefusalReason, sessionId?: string): Admission {
    this.#settings.logger.debug({ reason, sessionId }, 'A client was turned away');
    return { ok: false, reason };
  }
}
