import type { ErrorMessage, HostToBroker, Registered } from '@duskline/protocol';
import { connectToBroker, type BrokerConnection } from './broker-connection.js';
import { parseBrokerFrame } from './broker-messages.js';
import type { HostSettings } from './host-options.js';
import type { ClosedStatus, HostStatus } from './host-status.js';
import {
  explainClose,
  mayRetry,
  registrationFailure,
  requestedPauseMs,
  type LinkFailure,
} from './link-failure.js';
import type { LinkOwner } from './link-owner.js';
import { silenceBounds, type SilenceBounds } from './silence.js';

/** How long the broker has to answer an orderly close. */
const CLOSE_TIMEOUT_MS = 2_000;
/** A broker that asks for more heartbeats than this would only harm itself. */
const MIN_HEARTBEAT_INTERVAL_MS = 10;
/** Heartbeats are left out while this much waits on the socket: a later one says the same, fresher. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/**
 * Keeps one registered connection to one of the brokers: connects, registers, beats and pings, notices
 * silence, retries. Has one timer at a time, whose meaning follows from the status.
 */
export class BrokerLink {
  readonly #settings: HostSettings;
  readonly #owner: LinkOwner;
  #status: HostStatus;
  #connection: BrokerConnection | undefined;
  #cancelTimer: () => void = () => undefined;
  /** Rises with each attempt, so that what belongs to an earlier one is recognised and dropped. */
  #attempt = 0;
  #urlIndex = 0;
  #retryCount = 0;
  #troubledSinceMs: number;
  #lastHeardMs = 0;
  #lastError: ErrorMessage | undefined;
  #shutDown: Promise<void> | undefined;
  #whenLost: (() => void) | undefined;

  constructor(settings: HostSettings, owner: LinkOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#troubledSinceMs = settings.clock.monotonicMs();
    this.#status = { state: 'connecting', url: settings.urls[0] ?? '' };
  }

  get status(): HostStatus {
    return this.#status;
  }

  start(): void {
    this.#connect();
  }

  /** Sends when registered; false when that has to wait. */
  send(message: HostToBroker): boolean {
    return this.#status.state === 'registered' && (this.#connection?.send(message) ?? false);
  }

  /** Ends the link for good. `leave` is told to the broker when it listens. Later calls join the first. */
  finish(cause: 'left' | 'closed', abrupt = false): Promise<void> {
    // Begun a microtask later, so that a listener which calls this again, at any point, joins it.
    this.#shutDown ??= Promise.resolve().then(() => this.#finish(cause, abrupt));
    if (abrupt) this.#connection?.terminate();
    return this.#shutDown;
  }

  async #finish(cause: 'left' | 'closed', abrupt: boolean): Promise<void> {
    const { state } = this.#status;
    if (state === 'closed') return;
    this.#cancelTimer();
    const connection = this.#connection;
    if ((state !== 'registered' && state !== 'registering') || connection === undefined) {
      this.#drop();
    } else {
      const lost = new Promise<void>((resolve) => (this.#whenLost = resolve));
      if (cause === 'left') {
        this.send({ type: 'leave' });
        this.#setStatus({ state: 'leaving' });
      }
      if (abrupt) connection.terminate();
      else connection.close(cause === 'left' ? 1000 : 1001);
      this.#arm(CLOSE_TIMEOUT_MS, () => connection.terminate());
      await lost;
    }
    this.#close({ state: 'closed', cause });
  }

  #nextUrl(): string {
    const { urls } = this.#settings;
    // `readOptions` holds that there is at least one.
    return urls[this.#urlIndex++ % urls.length] ?? '';
  }

  #connect(): void {
    this.#owner.tick();
    const url = this.#nextUrl();
    const attempt = ++this.#attempt;
    this.#arm(this.#settings.connectTimeoutMs, () => this.#fail({ kind: 'deadline' }));
    this.#setStatus({ state: 'connecting', url });
    void this.#open(url, attempt);
  }

  async #open(url: string, attempt: number): Promise<void> {
    let token: string;
    try {
      // Not in this turn: whoever makes a host adds its listeners before anything can fail.
      token = await Promise.resolve().then(() => this.#settings.token());
    } catch {
      if (attempt === this.#attempt) this.#fail({ kind: 'token' });
      return;
    }
    if (attempt !== this.#attempt || this.#shutDown !== undefined) return;
    this.#lastError = undefined;
    const isCurrent = (): boolean => attempt === this.#attempt;
    try {
      this.#connection = connectToBroker(url, token, {
        opened: () => {
          if (isCurrent()) this.#register(url);
        },
        heard: () => {
          if (!isCurrent()) return;
          this.#lastHeardMs = this.#settings.clock.monotonicMs();
          this.#owner.heard();
        },
        // Not told to the owner: it says nothing about what was sent after the ping.
        answered: () => {
          if (isCurrent()) this.#lastHeardMs = this.#settings.clock.monotonicMs();
        },
        frame: (text) => {
          if (isCurrent() && this.#shutDown === undefined) this.#read(text, url);
        },
        lost: (failure) => {
          if (!isCurrent()) return;
          if (this.#whenLost === undefined) this.#fail(explainClose(failure, this.#lastError));
          else this.#whenLost();
        },
      });
    } catch {
      // The socket is refused before it exists: a token with characters that no header can hold.
      this.#fail({ kind: 'token' });
    }
  }

  #register(url: string): void {
    this.#connection?.send(this.#owner.describe());
    this.#setStatus({ state: 'registering', url });
  }

  #read(text: string, url: string): void {
    const frame = parseBrokerFrame(text);
    if (frame.kind !== 'message') {
      const detail = frame.kind === 'invalid' ? frame.detail : 'a type this version does not know';
      this.#settings.logger.warn({ detail }, 'A frame of the broker was ignored');
      return;
    }
    const { message } = frame;
    if (message.type === 'registered') {
      this.#accept(message, url);
      return;
    }
    this.#owner.received(message);
    if (message.type !== 'error') return;
    this.#lastError = message;
    // An error that does not close would leave the host waiting for an answer that never comes.
    const failure = this.#status.state === 'registering' ? registrationFailure(message) : undefined;
    if (failure !== undefined) this.#fail(failure);
  }

  #accept(message: Registered, url: string): void {
    this.#cancelTimer();
    const { pingIntervalMs } = message;
    const heartbeatIntervalMs = Math.max(MIN_HEARTBEAT_INTERVAL_MS, message.heartbeatIntervalMs);
    this.#status = { state: 'registered', url, heartbeatIntervalMs, pingIntervalMs };
    if (!this.#owner.registered(message)) {
      this.#fail({ kind: 'bad_ticket_key' });
      return;
    }
    this.#beat();
    this.#watch(heartbeatIntervalMs, silenceBounds(message));
    // Told last: a listener may well close the host.
    this.#setStatus(this.#status);
  }

  #beat(): void {
    this.#sendHeartbeat();
    this.#connection?.ping();
  }

  #sendHeartbeat(): void {
    if ((this.#connection?.bufferedBytes ?? 0) > MAX_BUFFERED_BYTES) return;
    const heartbeat = this.#owner.beat();
    if (heartbeat !== null) this.send(heartbeat);
  }

  /** Beats from now on, and fails at the end of the silence that is tolerated, also between two heartbeats. */
  #watch(heartbeatIntervalMs: number, bounds: SilenceBounds): void {
    const { clock } = this.#settings;
    let beatAtMs = clock.monotonicMs() + heartbeatIntervalMs;
    const look = (dueAtMs: number): void => {
      const nowMs = clock.monotonicMs();
      if (nowMs - dueAtMs > bounds.maxLateMs) this.#lastHeardMs = nowMs;
      if (nowMs >= this.#lastHeardMs + bounds.toleratedMs) {
        this.#fail({ kind: 'silence' });
        return;
      }
      const isBeat = nowMs >= beatAtMs;
      if (isBeat) beatAtMs = nowMs + heartbeatIntervalMs;
      wait();
      if (!isBeat) return;
      // Only a connection that held this long forgets the retries before it.
      this.#retryCount = 0;
      this.#owner.tick();
      this.#beat();
    };
    const wait = (): void => {
      const dueAtMs = Math.min(beatAtMs, this.#lastHeardMs + bounds.toleratedMs);
      this.#arm(dueAtMs - clock.monotonicMs(), () => look(dueAtMs));
    };
    wait();
  }

  #fail(failure: LinkFailure): void {
    // The one who closes the link takes care of the socket.
    if (this.#shutDown !== undefined) return;
    const { clock, logger, reconnectPolicy, tokenIsRenewable } = this.#settings;
    if (this.#status.state === 'registered') this.#troubledSinceMs = clock.monotonicMs();
    this.#drop();
    if (!mayRetry(failure, tokenIsRenewable)) {
      logger.error({ failure }, 'The broker refuses this host');
      this.#close({ state: 'closed', cause: 'refused', failure });
      return;
    }
    const delayMs = reconnectPolicy.nextRetryDelayInMs({
      retryCount: this.#retryCount,
      elapsedMs: clock.monotonicMs() - this.#troubledSinceMs,
      failure,
    });
    if (delayMs === null) {
      logger.error({ failure }, 'No more attempts to reach a broker');
      this.#close({ state: 'closed', cause: 'gave_up', failure });
      return;
    }
    this.#retryCount += 1;
    const retryInMs = Math.max(delayMs, requestedPauseMs(failure));
    logger.info({ failure, retryInMs }, 'No connection to a broker');
    this.#arm(retryInMs, () => this.#connect());
    this.#setStatus({ state: 'waiting', retryInMs, failure });
  }

  /** Lets go of the attempt: its timer, its socket, and whatever of it still arrives. */
  #drop(): void {
    this.#cancelTimer();
    this.#attempt += 1;
    this.#connection?.terminate();
    this.#connection = undefined;
  }

  #close(status: ClosedStatus): void {
    this.#drop();
    this.#setStatus(status);
  }

  #setStatus(status: HostStatus): void {
    this.#status = status;
    this.#owner.statusChanged(status);
  }

  #arm(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#settings.clock.setTimer(callback, delayMs);
  }
}
