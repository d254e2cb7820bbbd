import type { BrokerToHost, EndReason, Prepare, Registered } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import type { Admission, RefusalReason } from './admission.js';
import { BrokerLink } from './broker-link.js';
import { createLoadReader } from './host-load.js';
import type { Host, HostEvents } from './host-interface.js';
import { readOptions, type HostOptions, type HostSettings, type PreparedSession } from './host-options.js';
import { HostClosedError, type HostStatus } from './host-status.js';
import { createHostedSession, type HostedSession } from './hosted-session.js';
import { LimitKeeper } from './limit-keeper.js';
import { Moves } from './moves.js';
import { SessionTable, type GoneRecord, type PrepareOutcome, type SessionRecord } from './session-table.js';
import { isHeld, type ReportedEvent } from './session-transitions.js';
import { TicketVerifier } from './ticket-verifier.js';
import { TypedEvents, type Listener } from './typed-events.js';
import { UnconfirmedEnds } from './unconfirmed-ends.js';
import { UnsentSignals, checkSignalData } from './unsent-signals.js';

/** Errors that answer `checkpoint` and `restored`. */
const MOVE_REFUSALS: ReadonlySet<ErrorCode> = new Set(['NO_MOVE', 'CHECKPOINT_TOO_LARGE']);

/** Makes a host and starts to connect. Throws a TypeError for options that cannot work. */
export function createHost(options: HostOptions): Host {
  return new BrokeredHost(readOptions(options));
}

class BrokeredHost implements Host {
  readonly #settings: HostSettings;
  readonly #events: TypedEvents<HostEvents>;
  readonly #table: SessionTable;
  readonly #verifier: TicketVerifier;
  readonly #ends: UnconfirmedEnds;
  readonly #limits: LimitKeeper;
  readonly #signals = new UnsentSignals();
  readonly #moves: Moves;
  readonly #link: BrokerLink;
  readonly #handles = new WeakMap<SessionRecord, HostedSession>();
  #open = true;

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
    this.#ends = new UnconfirmedEnds(64 + 2 * identity.slots);
    this.#limits = new LimitKeeper(clock, {
      records: () => this.#table.records(),
      send: ({ sessionId, epoch }, notice) => this.#link.send({ type: 'limit', sessionId, epoch, ...notice }),
      announce: ({ sessionId, epoch }, notice) => this.#events.emit('limit', { sessionId, epoch, ...notice }),
      reached: (record, reason) => {
        if (this.#report(record, 'end', reason)) this.#tellGone([{ record, reason }]);
      },
    });
    this.#moves = new Moves(settings, this.#table, {
      send: (message) => this.#link.send(message),
      tellState: (record) => this.#tellState(record),
      handle: (record) => this.#handle(record),
      enter: (session) => this.#enter(session, false),
      endMoved: (record) => this.#drop(record, 'move_failed'),
      emit: (event, payload) => this.#events.emit(event, payload),
    });
    const readLoad = createLoadReader(settings.measureLoad, (error) =>
      logger.warn({ err: error }, 'The load could not be measured'),
    );
    this.#link = new BrokerLink(settings, {
      describe: () => {
        this.#ends.distrustSent();
        return { type: 'register', ...identity, sessions: this.#table.held() };
      },
      beat: () => {
        this.#moves.remind();
        const load = readLoad();
        return load === null ? null : { type: 'heartbeat', load, sessions: this.#table.held() };
      },
      registered: (message) => this.#registered(message),
      received: (message) => this.#received(message),
      heard: () => this.#ends.confirmSent(),
      tick: () => this.#tellGone(this.#table.expire(clock.monotonicMs())),
      statusChanged: (status) => {
        if (status.state === 'closed') {
          this.#open = false;
          this.#limits.stop();
          this.#moves.stop();
        }
        this.#events.emit('status', status);
      },
    });
    this.#link.start();
  }

  get status(): HostStatus {
    return this.#link.status;
  }

  get usage(): Host['usage'] {
    const { slots } = this.#settings.identity;
    return { slots, ...this.#table.count(this.#settings.clock.monotonicMs()) };
  }

  sessions(): HostedSession[] {
    return this.#table
      .records()
      .filter(({ state }) => isHeld(state))
      .map((record) => this.#handle(record));
  }

  on<Name extends keyof HostEvents>(event: Name, listener: Listener<HostEvents[Name]>): () => void {
    return this.#events.on(event, listener);
  }

  whenRegistered(): Promise<void> {
    return new Promise((resolve, reject) => {
      let stop = (): void => undefined;
      const look = (status: HostStatus): void => {
        if (status.state === 'registered') resolve();
        else if (status.state === 'closed') reject(new HostClosedError(status));
        else return;
        stop();
      };
      stop = this.on('status', look);
      look(this.status);
    });
  }

  admit(ticket: string): Admission {
    if (!this.#open) return this.#refuse('host_closed');
    const check = this.#verifier.verify(ticket);
    if (!check.ok) return this.#refuse(check.fault);
    const { sid: sessionId, sub: playerId, epoch, title } = check.claims;
    const claim = this.#table.claim(
      { sessionId, playerId, epoch, title },
      this.#settings.clock.monotonicMs(),
    );
    if (!claim.ok) return this.#refuse(claim.fault, sessionId);
    this.#tellState(claim.record);
    if (claim.replaced !== undefined) this.#tellGone([claim.replaced]);
    this.#limits.arm();
    return { ok: true, session: this.#handle(claim.record), readmitted: claim.readmitted };
  }

  signal(sessionId: string, data: string): boolean {
    const record = this.#table.get(sessionId);
    return record !== undefined && this.#signal(record, data);
  }

  leave(): Promise<void> {
    this.#open = false;
    const left = this.#link.finish('left');
    for (const record of this.#table.records()) {
      this.#table.apply(record, 'end');
      this.#tellGone([{ record, reason: 'host_ended' }]);
    }
    return left;
  }

  close({ abrupt = false } = {}): Promise<void> {
    this.#open = false;
    return this.#link.finish('closed', abrupt);
  }

  #registered({ ticketKey }: Registered): boolean {
    if (!this.#verifier.setKey(ticketKey)) return false;
    // Ends come before the heartbeat, whose list lacks these sessions without saying why.
    this.#ends.resend((end) => this.#link.send({ type: 'session', state: 'ended', ...end }));
    this.#limits.catchUp();
    this.#moves.catchUp();
    this.#signals.flush((record, data) => this.#sendSignal(record, data));
    return true;
  }

  #received(message: Exclude<BrokerToHost, Registered>): void {
    switch (message.type) {
      case 'prepare':
        this.#prepare(message);
        return;
      case 'checkpoint':
      case 'restore':
      case 'moved':
      case 'resume':
        this.#moves.received(message);
        return;
      case 'end': {
        const { sessionId, epoch, reason } = message;
        const record = this.#table.endByOrder(sessionId, epoch);
        if (record !== undefined) this.#tellGone([{ record, reason }]);
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
        if (sessionId !== undefined && MOVE_REFUSALS.has(code)) this.#moves.refused(sessionId);
        this.#events.emit('error', message);
        return;
      }
      default:
        message satisfies never;
    }
  }

  #prepare({ sessionId, epoch, title, playerId, stream, claimWithinMs, limits }: Prepare): void {
    const limited = limits === undefined ? {} : { limits };
    const session: PreparedSession = { sessionId, epoch, title, playerId, stream, claimWithinMs, ...limited };
    const outcome = this.#enter(session, true);
    if (outcome.kind !== 'prepared') return;
    this.#events.emit('prepare', session);
    void this.#askToPrepare(session, outcome.record);
  }

  #enter(session: PreparedSession, begun: boolean): PrepareOutcome {
    const { sessionId, epoch } = session;
    const outcome = this.#table.prepare(session, this.#settings.clock.monotonicMs(), begun);
    // Its client may have been faster, and then its limits count already.
    this.#limits.arm();
    this.#settings.logger.debug({ sessionId, epoch, outcome: outcome.kind }, 'The broker prepares a session');
    if (outcome.kind === 'prepared' && outcome.replaced !== undefined) this.#tellGone([outcome.replaced]);
    return outcome;
  }

  async #askToPrepare(session: PreparedSession, record: SessionRecord): Promise<void> {
    let accepted = false;
    try {
      accepted = await this.#settings.onPrepare(session);
    } catch (error) {
      this.#settings.logger.error({ sessionId: session.sessionId, err: error }, 'onPrepare failed');
    }
    if (!accepted) this.#drop(record, 'error');
  }

  /** The application does not want it: it knows of its own refusal, but not that a client came in before that. */
  #drop(record: SessionRecord, reason: EndReason): void {
    const wasHeld = isHeld(record.state);
    if (this.#report(record, 'end', reason) && wasHeld) this.#tellGone([{ record, reason }]);
  }

  #tellState({ sessionId, epoch, state, begun }: SessionRecord): void {
    if (state === 'active' || state === 'connected' || state === 'disconnected') {
      this.#link.send({ type: 'session', sessionId, epoch, state, ...(begun ? {} : { restored: true }) });
    }
  }

  #report(record: SessionRecord, event: ReportedEvent, reason?: EndReason): boolean {
    if (!this.#table.apply(record, event)) return false;
    const { sessionId, epoch, state } = record;
    if (state === 'ended') {
      const end = { sessionId, epoch, reason: reason ?? 'host_ended' };
      this.#ends.add(end, this.#link.send({ type: 'session', state, ...end }));
    } else if (state !== 'connected' || !this.#moves.release(record)) {
      // Otherwise its client came back to a session that was held still, which was told just now.
      this.#tellState(record);
    }
    return true;
  }

  #signal(record: SessionRecord, data: string): boolean {
    checkSignalData(data);
    if (!this.#open || record.state === 'ended') return false;
    return this.#sendSignal(record, data) || this.#signals.add(record, data);
  }

  #sendSignal({ sessionId, epoch }: SessionRecord, data: string): boolean {
    return this.#link.send({ type: 'signal', sessionId, epoch, data });
  }

  #handle(record: SessionRecord): HostedSession {
    let handle = this.#handles.get(record);
    if (handle === undefined) {
      handle = createHostedSession(record, {
        report: (...report) => this.#report(...report),
        active: (active) => this.#limits.active(active),
        setMovable: (told, movable) => {
          told.movable = movable && this.#settings.onCheckpoint !== undefined;
        },
        signal: (speaking, data) => this.#signal(speaking, data),
      });
      this.#handles.set(record, handle);
    }
    return handle;
  }

  #tellGone(gone: readonly GoneRecord[]): void {
    for (const { record, reason } of gone) {
      this.#events.emit('end', { sessionId: record.sessionId, epoch: record.epoch, reason });
    }
  }

  #refuse(reason: RefusalReason, sessionId?: string): Admission {
    this.#settings.logger.debug({ reason, sessionId }, 'A client was turned away');
    return { ok: false, reason };
  }
}
