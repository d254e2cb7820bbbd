import { SlotWaits } from '@duskline/host/internal/admission/slot-waits';
import type { Admission, Checkpoint, HostedSession, HostEvents, PreparedSession } from '@duskline/host';
import { SessionRunner } from '@duskline/host/internal/effects/session-runner';
import { resolveOptions } from '@duskline/host/internal/host-options';
import type { BrokerToHost, HeldSession, HostToBroker, Registered } from '@duskline/protocol';
import { TypedEvents } from '@duskline/sdk-runtime';
import { nextTurn } from '../../../support/time/event-loop.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { LOAD } from '../setup.js';
import { ADDRESS, sessionIdOf } from '../tickets.js';

export const SLOTS = 2;

/** What the application answers to a callback. */
export type CallbackAnswer = 'accept' | 'refuse' | 'throw';

/** A session at an epoch. */
export interface Assigned {
  readonly sessionId: string;
  readonly epoch: number;
}

type AppReport = 'app_ended' | 'app_lost' | 'app_connected';

/** What a broker, players and the application observed of a host, in order. */
export type Observation =
  | { readonly type: 'registered'; readonly listed: readonly HeldSession[] }
  /** A message of the host. It arrives unless the connection is dead already. */
  | {
      readonly type: 'sent';
      readonly message: HostToBroker;
      readonly connection: number;
      readonly arrives: boolean;
    }
  | { readonly type: 'received'; readonly message: Exclude<BrokerToHost, Registered> }
  | (Assigned & { readonly type: 'called'; readonly callback: 'onPrepare' | 'onRestore' | 'onCheckpoint' })
  | (Assigned & { readonly type: 'answered'; readonly callback: string; readonly answer: CallbackAnswer })
  | (Assigned & { readonly type: 'notified'; readonly event: keyof HostEvents })
  | { readonly type: 'replaced'; readonly replaced: HostedSession; readonly session: HostedSession }
  | (Assigned & { readonly type: 'admitted'; readonly number: number; readonly session: HostedSession })
  | (Assigned & { readonly type: 'turned_away'; readonly number: number })
  /** The application ended a session, or reported that a stream runs or is lost, and that had an effect. */
  | (Assigned & { readonly type: AppReport; readonly session: HostedSession })
  | { readonly type: 'left' | 'closed' };

/** Something that happens to the host. `session` and `epoch` are small numbers, so that they often meet. */
export type Action = { readonly session: number; readonly epoch: number; readonly number: number } & {
  readonly do:
    | 'prepare'
    | 'restore'
    | 'end'
    | 'checkpoint'
    | 'resume'
    | 'moved'
    | 'refuse_move'
    | 'ticket'
    | 'ticket_and_wait'
    | 'expired_ticket'
    | 'app_connect'
    | 'app_lose'
    | 'app_end'
    | 'app_input'
    | 'app_signal'
    | 'register'
    | 'lose_connection'
    | 'kill_connection'
    | 'heartbeat'
    | 'pong'
    | 'pass_time'
    | 'answer';
};

/** Lets callbacks of the application resolve late and in any order. */
export interface CallbackScheduler {
  schedule(answer: CallbackAnswer): Promise<CallbackAnswer>;
  /** Lets one callback resolve, if one waits. */
  resolveOne(): Promise<void>;
  resolveAll(): Promise<void>;
}

/** A host without sockets: its broker, players and application are the test. Records what they observe. */
export class RandomHost {
  readonly clock = new ManualClock();
  readonly observed: Observation[] = [];
  readonly runner: SessionRunner;
  readonly #waits: SlotWaits;
  readonly #scheduler: CallbackScheduler;
  readonly #answers: Iterator<CallbackAnswer>;
  readonly #handles: HostedSession[] = [];
  #connection = 0;
  #isRegistered = false;
  /** The peer is gone, and the host has not noticed. */
  #isDead = false;
  #pingsSent = 0;
  #pongs: number[] = [];
  #openWaits = 0;

  constructor(scheduler: CallbackScheduler, answers: Iterator<CallbackAnswer>) {
    this.#scheduler = scheduler;
    this.#answers = answers;
    this.#waits = new SlotWaits(this.clock, SLOTS);
    const events = new TypedEvents<HostEvents>((_event, error) => {
      throw error;
    });
    for (const event of ['prepare', 'end', 'resume', 'moved', 'limit', 'signal'] as const) {
      events.on(
        event,
        ({ sessionId, epoch }) => void this.observed.push({ type: 'notified', event, sessionId, epoch }),
      );
    }
    events.on(
      'streamReplaced',
      ({ replaced, session }) => void this.observed.push({ type: 'replaced', replaced, session }),
    );
    const settings = resolveOptions({
      url: 'wss://broker.example',
      token: 'token-of-host-1-in-these-tests',
      ...ADDRESS,
      slots: SLOTS,
      endpoint: 'wss://host-1.example/stream',
      measureLoad: () => LOAD,
      movable: true,
      onPrepare: (session) => this.#call('onPrepare', session),
      onRestore: (session) => this.#call('onRestore', session),
      onCheckpoint: async (session): Promise<Checkpoint> => {
        await this.#call('onCheckpoint', session, true);
        return { reference: 's3://saves/1' };
      },
      clock: this.clock,
    });
    this.runner = new SessionRunner(settings, {
      link: {
        isRegistered: () => this.#isRegistered,
        pingsSent: () => this.#pingsSent,
        send: (message) => this.#send(message),
      },
      events,
      retryWaiting: () => this.#waits.retry(),
    });
  }

  /** Clients that wait for a slot. */
  get openWaits(): number {
    return this.#openWaits;
  }

  /** Carries the action out, and all that follows from it at once. */
  async run(action: Action): Promise<void> {
    await this.#start(action);
    await nextTurn();
  }

  async #start(action: Action): Promise<void> {
    const { session: number, epoch, number: ticketNumber } = action;
    const about = { sessionId: sessionIdOf(number), epoch };
    switch (action.do) {
      case 'prepare':
        this.#receive({ type: 'prepare', ...this.#preparation(about, ticketNumber) });
        return;
      case 'restore':
        this.#receive({
          type: 'restore',
          ...this.#preparation(about, ticketNumber),
          withinMs: 500,
          reference: 's3://saves/1',
        });
        return;
      case 'end':
        this.#receive({ type: 'end', ...about, reason: 'operator' });
        return;
      case 'checkpoint':
        this.#receive({ type: 'checkpoint', ...about, withinMs: 500, stillMs: 1_500 });
        return;
      case 'resume':
      case 'moved':
        this.#receive({ type: action.do, ...about });
        return;
      case 'refuse_move':
        this.#receive({
          type: 'error',
          code: 'NO_MOVE',
          message: 'No.',
          retryable: false,
          sessionId: about.sessionId,
        });
        return;
      case 'ticket':
        this.#record(about, ticketNumber, this.#showTicket(about, ticketNumber));
        return;
      case 'ticket_and_wait':
        this.#showTicketAndWait(about, ticketNumber);
        return;
      case 'expired_ticket':
        this.runner.refuseExpired({ ...about, title: 'meadow', playerId: 'player', number: ticketNumber });
        return;
      case 'app_connect': {
        const session = this.#pick(ticketNumber + epoch);
        if (session?.reportConnected() === true) this.#observeApp('app_connected', session);
        return;
      }
      case 'app_lose': {
        const session = this.#pick(ticketNumber + epoch);
        if (session?.reportDisconnected() === true) this.#observeApp('app_lost', session);
        return;
      }
      case 'app_end': {
        const session = this.#pick(ticketNumber + epoch);
        if (session?.end('client_left') === true) this.#observeApp('app_ended', session);
        return;
      }
      case 'app_input':
        this.#pick(ticketNumber + epoch)?.reportActivity();
        return;
      case 'app_signal':
        this.#pick(ticketNumber + epoch)?.signal('candidate');
        return;
      case 'register':
        this.register();
        return;
      case 'lose_connection':
        this.#isRegistered = false;
        return;
      case 'kill_connection':
        this.#isDead = true;
        return;
      case 'heartbeat':
        this.heartbeat();
        return;
      case 'pong':
        this.pong();
        return;
      case 'pass_time':
        await this.clock.elapse(100 * epoch);
        return;
      case 'answer':
        await this.#scheduler.resolveOne();
    }
  }

  /** The host connects to a broker that is alive. */
  register(): void {
    this.#connection += 1;
    this.#isDead = false;
    this.#pongs = [];
    this.observed.push({ type: 'registered', listed: this.runner.listHeld() });
    this.#isRegistered = true;
    this.runner.handleRegistered();
  }

  heartbeat(): void {
    if (!this.#isRegistered) return;
    this.#send({ type: 'heartbeat', load: LOAD, sessions: this.runner.listForHeartbeat() });
    this.#pingsSent += 1;
    if (!this.#isDead) this.#pongs.push(this.#pingsSent);
  }

  /** A ping is answered that has not been. */
  pong(): void {
    const ping = this.#pongs.shift();
    if (ping !== undefined && this.#isRegistered && !this.#isDead) this.runner.handlePong(ping);
  }

  leave(): void {
    this.observed.push({ type: 'left' });
    this.runner.leave();
  }

  close(): void {
    this.observed.push({ type: 'closed' });
    this.#isRegistered = false;
    this.runner.close();
  }

  /** Everything that is under way comes to its end, and the application ends what it still has. */
  async settle(): Promise<void> {
    await this.#scheduler.resolveAll();
    await nextTurn();
    await this.clock.elapse(60_000);
    for (const session of this.runner.held()) if (session.end()) this.#observeApp('app_ended', session);
    await nextTurn();
    await this.clock.elapse(60_000);
  }

  #preparation({ sessionId, epoch }: Assigned, number: number): PreparedSession {
    const limits = { idleMs: 2_000, maxLengthMs: 4_000, warnBeforeMs: [500] };
    return {
      sessionId,
      epoch,
      title: 'meadow',
      playerId: 'player',
      stream: { codec: 'hevc', resolution: '1080p', fps: 60 },
      claimWithinMs: 1_000,
      ...(number === 0 ? {} : { limits }),
    };
  }

  #pick(index: number): HostedSession | undefined {
    return this.#handles.at(-1 - (index % Math.max(1, Math.min(4, this.#handles.length))));
  }

  #receive(message: Exclude<BrokerToHost, Registered>): void {
    if (!this.#isRegistered || this.#isDead) return;
    this.observed.push({ type: 'received', message });
    this.runner.handleMessage(message);
  }

  #send(message: HostToBroker): boolean {
    if (!this.#isRegistered) return false;
    this.observed.push({ type: 'sent', message, connection: this.#connection, arrives: !this.#isDead });
    return true;
  }

  #showTicket({ sessionId, epoch }: Assigned, number: number): Admission {
    const ticket = { sessionId, epoch, title: 'meadow', playerId: 'player', number };
    return this.runner.showTicket(ticket);
  }

  #showTicketAndWait(about: Assigned, number: number): void {
    const admission = this.#showTicket(about, number);
    if (admission.ok || admission.reason !== 'no_free_slot') {
      this.#record(about, number, admission);
      return;
    }
    this.#openWaits += 1;
    const ticket = { ...about, title: 'meadow', playerId: 'player', number };
    const answer = this.#waits.wait(
      () => this.#showTicket(about, number),
      () => this.runner.refuseWithoutSlot(ticket),
    );
    void answer.then((late) => {
      this.#openWaits -= 1;
      this.#record(about, number, late);
    });
  }

  #record(about: Assigned, number: number, admission: Admission): void {
    if (!admission.ok) {
      this.observed.push({ type: 'turned_away', ...about, number });
      return;
    }
    const { session } = admission;
    if (!this.#handles.includes(session)) this.#handles.push(session);
    this.observed.push({ type: 'admitted', ...about, number, session });
  }

  #observeApp(type: AppReport, session: HostedSession): void {
    const { sessionId, epoch } = session;
    this.observed.push({ type, sessionId, epoch, session });
  }

  #call(
    callback: 'onPrepare' | 'onRestore' | 'onCheckpoint',
    about: Assigned,
    mayThrow = false,
  ): Promise<boolean> {
    const { sessionId, epoch } = about;
    this.observed.push({ type: 'called', callback, sessionId, epoch });
    const next = this.#answers.next();
    const answer = next.done === true ? 'accept' : next.value;
    return this.#scheduler.schedule(answer).then((given) => {
      this.observed.push({ type: 'answered', callback, sessionId, epoch, answer: given });
      if (given === 'throw' || (mayThrow && given === 'refuse')) throw new Error('The application failed.');
      return given === 'accept';
    });
  }
}
