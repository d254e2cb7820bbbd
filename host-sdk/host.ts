import type { BrokerToHost, EndReason, Registered, TicketClaims } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { Admission, RefusalReason } from './admission/admission.js';
import { BrokerConnection } from './connection/broker-connection.js';
import { createLoadReader } from './connection/load-reader.js';
import type { Host, HostEvents } from './host-interface.js';
import { Reservations } from './admission/reservations.js';
import { resolveOptions, type HostOptions, type HostSettings, type PreparedSession } from './host-options.js';
import { waitUntilRegistered, type HostStatus } from './connection/host-status.js';
import { createHostedSession, type HostedSession } from './sessions/hosted-session.js';
import { LimitEnforcer } from './limits/limit-enforcer.js';
import { SessionMoves } from './moves/session-moves.js';
import type { EndedRecord, SessionRecord } from './sessions/session-record.js';
import { SessionTable, type PrepareOutcome } from './sessions/session-table.js';
import { isHeld, type ReportedEvent } from './sessions/session-transitions.js';
import { SlotWaits } from './admission/slot-waits.js';
import { TicketVerifier } from './admission/ticket-verifier.js';
import { TypedEvents, type Listener } from '@duskline/sdk-runtime';
import { SessionReports } from './sessions/session-reports.js';
import { checkSignalData } from './sessions/unsent-signals.js';

/** Errors with which brokers answer `checkpoint` and `restored`. */
const MOVE_ERRORS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/**
 * Creates a host and starts to connect to a broker.
 *
 * @throws TypeError that names the first invalid option
 */
export function createHost(options: HostOptions): Host {
  return new BrokerConnectedHost(resolveOptions(options));
}

class BrokerConnectedHost implements Host {
  readonly #settings: HostSettings;
  readonly #events: TypedEvents<HostEvents>;
  readonly #table: SessionTable;
  readonly #verifier: TicketVerifier;
  readonly #reports: SessionReports;
  readonly #reservations: Reservations;
  readonly #limitEnforcer: LimitEnforcer;
  readonly #moves: SessionMoves;
  readonly #connection: BrokerConnection;
  readonly #slotWaits: SlotWaits;
  readonly #hostedSessions = new WeakMap<SessionRecord, HostedSession>();
  #isOpen = true;

  constructor(settings: HostSettings) {
    const { identity, clock, logger } = settings;
    this.#settings = settings;
    this.#events = new TypedEvents((event, error) =>
      logger.error({ event, err: error }, 'A listener of the host failed'),
    );
    this.#table = new SessionTable(identity.slots, settings.movable);
    this.#slotWaits = new SlotWaits(clock, identity.slots);
    this.#verifier = new TicketVerifier({
      address: identity,
      wallMs: () => clock.wallMs(),
      toleranceMs: settings.ticketToleranceMs,
    });
    this.#reports = new SessionReports(identity.slots, (message) => this.#connection.send(message));
    this.#reservations = new Reservations(settings, {
      addSession: (session) => this.#addSession(session, true),
      notifyPrepared: (session) => this.#events.emit('prepare', session),
      endSession: (record, reason) => this.#reportEvent(record, 'end', reason),
      notifyEnded: (record, reason) => this.#notifyEnded([{ record, reason }]),
    });
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
      reportState: (record) => this.#reports.reportState(record),
      getHostedSession: (record) => this.#getHostedSession(record),
      addSession: (session) => this.#addSession(session, false),
      endRestoredSession: (record) => this.#reservations.dropSession(record, 'move_failed'),
      emit: (event, payload) => this.#events.emit(event, payload),
    });
    const readLoad = createLoadReader(settings.measureLoad, (error) =>
      logger.warn({ err: error }, 'The load could not be measured'),
    );
    this.#connection = new BrokerConnection(settings, {
      createRegister: () => {
        this.#reports.handleReconnected();
        return { type: 'register', ...identity, sessions: this.#table.listHeld() };
      },
      createHeartbeat: () => {
        this.#moves.repeatRestoredStates();
        const load = readLoad();
        if (load === null) return null;
        return {
          type: 'heartbeat',
          load,
          sessions: this.#table.listHeld(),
          prepared: this.#table.listPrepared(),
        };
      },
      handleRegistered: (message) => this.#handleRegistered(message),
      handleMessage: (message) => this.#handleMessage(message),
      handleTraffic: () => this.#reports.handleTraffic(),
      handleTimePassed: () => this.#notifyEnded(this.#table.expireReservations(clock.monotonicMs())),
      handleStatus: (status) => {
        if (status.state === 'closed') {
          this.#isOpen = false;
          this.#limitEnforcer.stop();
          this.#moves.stop();
          this.#slotWaits.retry();
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
      .map((record) => this.#getHostedSession(record));
  }

  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void {
    return this.#events.on(event, listener);
  }

  whenRegistered(): Promise<void> {
    return waitUntilRegistered(this.status, (listener) => this.on('status', listener));
  }

  admit(ticket: string): Admission {
    if (!this.#isOpen) return this.#refuseAdmission('host_closed');
    const check = this.#verifier.verify(ticket);
    if (!check.ok) {
      if (check.fault === 'expired') this.#refuseExpired(check.claims);
      return this.#refuseAdmission(check.fault);
    }
    const { sid: sessionId, sub: playerId, epoch, title } = check.claims;
    const claim = this.#table.claim(
      { sessionId, playerId, epoch, title },
      this.#settings.clock.monotonicMs(),
    );
    if (!claim.ok) return this.#refuseAdmission(claim.fault, sessionId);
    this.#reports.reportState(claim.record);
    if (claim.replaced !== undefined) this.#notifyEnded([claim.replaced]);
    this.#limitEnforcer.scheduleCheck();
    return { ok: true, session: this.#getHostedSession(claim.record), readmitted: claim.readmitted };
  }

  async admitWhenFree(ticket: string): Promise<Admission> {
    const admission = this.admit(ticket);
    if (admission.ok || admission.reason !== 'no_free_slot') return admission;
    return this.#slotWaits.wait(
      () => this.admit(ticket),
      () => {
        const check = this.#verifier.verify(ticket);
        if (check.ok) this.#refuseSession(check.claims);
      },
    );
  }

  signal(sessionId: string, data: string): boolean {
    const record = this.#table.get(sessionId);
    return record !== undefined && this.#sendSignal(record, data);
  }

  leave(): Promise<void> {
    this.#isOpen = false;
    this.#slotWaits.retry();
    const left = this.#connection.close('left');
    for (const record of this.#table.records()) {
      this.#table.applyEvent(record, 'end');
      this.#notifyEnded([{ record, reason: 'host_ended' }]);
    }
    return left;
  }

  close({ abrupt = false } = {}): Promise<void> {
    this.#isOpen = false;
    this.#slotWaits.retry();
    return this.#connection.close('closed', abrupt);
  }

  #handleRegistered({ ticketKey }: Registered): boolean {
    if (!this.#verifier.setKey(ticketKey)) return false;
    // Ends are sent before the heartbeat: its list of sessions lacks them, but does not say why they ended.
    this.#reports.resendEnds();
    this.#limitEnforcer.resendNotices();
    this.#moves.resendAnswers();
    this.#reports.resendSignals();
    return true;
  }

  #handleMessage(message: Exclude<BrokerToHost, Registered>): void {
    switch (message.type) {
      case 'prepare':
        this.#reservations.handlePrepare(message);
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
        this.#slotWaits.retry();
        return;
      }
      case 'signal': {
        const { sessionId, epoch, data } = message;
        // A later assignment of the session does not know what was signalled before.
        if (this.#table.get(sessionId)?.epoch === epoch)
          this.#events.emit('signal', { sessionId, epoch, data });
        return;
      }
      case 'error': {
        const { code, sessionId } = message;
        this.#settings.logger.warn({ code, sessionId }, 'The broker sent an error');
        if (sessionId !== undefined && MOVE_ERRORS.has(code)) this.#moves.handleRefusal(sessionId);
        this.#events.emit('error', message);
        return;
      }
      default:
        message satisfies never;
    }
  }

  #addSession(session: PreparedSession, begun: boolean): PrepareOutcome {
    const { sessionId, epoch } = session;
    const outcome = this.#table.prepare(session, this.#settings.clock.monotonicMs(), begun);
    // If the client was admitted before `prepare` arrived, the limits already apply.
    this.#limitEnforcer.scheduleCheck();
    this.#settings.logger.debug({ sessionId, epoch, outcome: outcome.kind }, 'The broker prepares a session');
    if (outcome.kind === 'prepared' && outcome.replaced !== undefined) this.#notifyEnded([outcome.replaced]);
    return outcome;
  }

  #reportEvent(record: SessionRecord, event: ReportedEvent, reason?: EndReason): boolean {
    if (!this.#table.applyEvent(record, event)) return false;
    const { sessionId, epoch, state } = record;
    if (state === 'ended') {
      this.#reports.reportEnd({ sessionId, epoch, reason: reason ?? 'host_ended' });
      this.#slotWaits.retry();
    } else if (state !== 'connected' || !this.#moves.resumeSession(record)) {
      // `resumeSession` has reported the state already, if the client came back to a session that was paused for a move.
      this.#reports.reportState(record);
    }
    return true;
  }

  #sendSignal(record: SessionRecord, data: string): boolean {
    checkSignalData(data);
    if (!this.#isOpen || record.state === 'ended') return false;
    return this.#reports.reportSignal(record, data);
  }

  #getHostedSession(record: SessionRecord): HostedSession {
    let handle = this.#hostedSessions.get(record);
    if (handle === undefined) {
      handle = createHostedSession(record, {
        reportEvent: (...report) => this.#reportEvent(...report),
        recordActivity: (active) => this.#limitEnforcer.recordActivity(active),
        setMovable: (changed, movable) => {
          changed.movable = movable && this.#settings.onCheckpoint !== undefined;
        },
        sendSignal: (sender, data) => this.#sendSignal(sender, data),
      });
      this.#hostedSessions.set(record, handle);
    }
    return handle;
  }

  #notifyEnded(ended: readonly EndedRecord[]): void {
    for (const { record, reason } of ended) {
      this.#events.emit('end', { sessionId: record.sessionId, epoch: record.epoch, reason });
    }
  }

  /** A ticket outlives its reservation, so the clocks of broker and host differ too much. Another host may accept the player. */
  #refuseExpired({ sid, epoch }: TicketClaims): void {
    const record = this.#table.get(sid);
    if (record?.state !== 'prepared' || record.epoch !== epoch) return;
    if (this.#settings.clock.monotonicMs() >= record.claimByMs) return;
    this.#settings.logger.warn(
      { sessionId: sid },
      'A ticket expired before its reservation: the clocks of broker and host differ',
    );
    this.#reservations.dropSession(record, 'error');
  }

  /** Refuses a session for which the host has no slot, also when `prepare` has not arrived. */
  #refuseSession({ sid: sessionId, epoch }: TicketClaims): void {
    const record = this.#table.get(sessionId);
    if (record !== undefined && (record.epoch !== epoch || isHeld(record.state))) return;
    this.#table.endByBroker(sessionId, epoch);
    this.#reports.reportEnd({ sessionId, epoch, reason: 'error' });
  }

  #refuseAdmission(reason: RefusalReason, sessionId?: string): Admission {
    this.#settings.logger.debug({ reason, sessionId }, 'A client was turned away');
    return { ok: false, reason };
  }
}
