import type { ErrorMessage, HostToBroker, Registered } from '@duskline/protocol';
import { ConnectionAttempt } from './connection-attempt.js';
import { parseBrokerFrame } from './broker-frames.js';
import type { ClosedStatus, HostStatus } from './host-status.js';
import {
  addErrorToClose,
  mayRetry,
  toRegistrationFailure,
  requestedPauseMs,
  type ConnectionFailure,
} from './connection-failure.js';
import type { BrokerConnectionPort } from './broker-connection-port.js';
import type { ReconnectPolicy } from './reconnect-policy.js';
import type { Clock, Logger } from '@duskline/sdk-runtime';
import { HeartbeatSchedule } from './heartbeat-schedule.js';

/** How long to wait for the broker's close frame. */
const CLOSE_TIMEOUT_MS = 2_000;
/** Protects brokers from their own configuration: a shorter interval would make all hosts flood them. */
const MIN_HEARTBEAT_INTERVAL_MS = 10;
/** Heartbeats are skipped while the socket has this much to send: a later one has newer data. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** The settings of the host that its connection reads. */
export interface BrokerConnectionSettings {
  readonly urls: readonly string[];
  readonly token: () => string | Promise<string>;
  /** Whether the next attempt can get another token. */
  readonly tokenIsRenewable: boolean;
  readonly reconnectPolicy: ReconnectPolicy;
  readonly connectTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Keeps the host registered with one of the brokers: connects, registers, sends heartbeats and pings, detects a silent broker, and
 * retries. It has one timer, whose purpose depends on the status.
 */
export class BrokerConnection {
  readonly #settings: BrokerConnectionSettings;
  readonly #port: BrokerConnectionPort;
  #status: HostStatus;
  #attempt: ConnectionAttempt | undefined;
  #cancelTimer: () => void = () => undefined;
  #urlIndex = 0;
  #pingsSent = 0;
  #retryCount = 0;
  #disconnectedSinceMs: number;
  #schedule: HeartbeatSchedule | undefined;
  #lastError: ErrorMessage | undefined;
  #shutdown: Promise<void> | undefined;
  #onSocketLost: (() => void) | undefined;

  constructor(settings: BrokerConnectionSettings, port: BrokerConnectionPort) {
    this.#settings = settings;
    this.#port = port;
    this.#disconnectedSinceMs = settings.clock.monotonicMs();
    this.#status = { state: 'connecting', url: settings.urls[0] ?? '' };
  }

  get status(): HostStatus {
    return this.#status;
  }

  /** How many pings were sent, over all connections. */
  get pingsSent(): number {
    return this.#pingsSent;
  }

  start(): void {
    this.#startAttempt();
  }

  /** Sends a message if the host is registered. Returns whether it was sent. */
  send(message: HostToBroker): boolean {
    return this.#status.state === 'registered' && (this.#attempt?.send(message) ?? false);
  }

  /** Closes permanently. With the cause `left`, sends `leave` first. Repeated calls return the same promise. */
  close(cause: 'left' | 'closed', abrupt = false): Promise<void> {
    // Starts in a microtask, so that `#shutdown` is set when a listener calls this again.
    this.#shutdown ??= Promise.resolve().then(() => this.#runShutdown(cause, abrupt));
    if (abrupt) this.#attempt?.terminate();
    return this.#shutdown;
  }

  async #runShutdown(cause: 'left' | 'closed', abrupt: boolean): Promise<void> {
    const { state } = this.#status;
    if (state === 'closed') return;
    this.#cancelTimer();
    const attempt = this.#attempt;
    if ((state !== 'registered' && state !== 'registering') || attempt?.hasSocket !== true) {
      this.#abandonAttempt();
    } else {
      const lost = new Promise<void>((resolve) => (this.#onSocketLost = resolve));
      if (cause === 'left') {
        this.send({ type: 'leave' });
        this.#setStatus({ state: 'leaving' });
      }
      if (abrupt) attempt.terminate();
      else attempt.close(cause === 'left' ? 1000 : 1001);
      this.#setTimer(CLOSE_TIMEOUT_MS, () => attempt.terminate());
      await lost;
    }
    this.#setClosed({ state: 'closed', cause });
  }

  #nextUrl(): string {
    const { urls } = this.#settings;
    // `resolveOptions` ensures that there is at least one.
    return urls[this.#urlIndex++ % urls.length] ?? '';
  }

  #startAttempt(): void {
    const url = this.#nextUrl();
    this.#lastError = undefined;
    this.#setTimer(this.#settings.connectTimeoutMs, () => this.#handleFailure({ kind: 'deadline' }));
    this.#setStatus({ state: 'connecting', url });
    this.#attempt = new ConnectionAttempt(url, () => this.#settings.token(), {
      isWanted: () => this.#shutdown === undefined,
      onTokenFailed: (failure) => this.#handleFailure(failure),
      onOpen: () => this.#sendRegister(url),
      onTraffic: () => this.#recordTraffic(),
      onPong: (ping) => {
        this.#recordTraffic();
        this.#port.handlePong(ping);
      },
      onFrame: (text) => {
        if (this.#shutdown === undefined) this.#handleFrame(text, url);
      },
      onLost: (failure) => {
        if (this.#onSocketLost === undefined) this.#handleFailure(addErrorToClose(failure, this.#lastError));
        else this.#onSocketLost();
      },
    });
  }

  #recordTraffic(): void {
    this.#schedule?.recordTraffic(this.#settings.clock.monotonicMs());
  }

  #sendRegister(url: string): void {
    this.#attempt?.send(this.#port.createRegister());
    this.#setStatus({ state: 'registering', url });
  }

  #handleFrame(text: string, url: string): void {
    const frame = parseBrokerFrame(text);
    if (frame.kind !== 'message') {
      const detail = frame.kind === 'invalid' ? frame.detail : 'unknown type';
      this.#settings.logger.warn({ detail }, 'Ignored a frame of the broker');
      return;
    }
    const { message } = frame;
    if (message.type === 'registered') {
      this.#handleRegistered(message, url);
      return;
    }
    this.#port.handleMessage(message);
    if (message.type !== 'error') return;
    this.#lastError = message;
    // After an error that does not close the connection, the answer to `register` would never come.
    const failure = this.#status.state === 'registering' ? toRegistrationFailure(message) : undefined;
    if (failure !== undefined) this.#handleFailure(failure);
  }

  #handleRegistered(message: Registered, url: string): void {
    this.#cancelTimer();
    const { pingIntervalMs } = message;
    const heartbeatIntervalMs = Math.max(MIN_HEARTBEAT_INTERVAL_MS, message.heartbeatIntervalMs);
    const schedule = new HeartbeatSchedule(heartbeatIntervalMs, message, this.#settings.clock.monotonicMs());
    this.#schedule = schedule;
    this.#status = { state: 'registered', url, heartbeatIntervalMs, pingIntervalMs };
    if (!this.#port.handleRegistered(message)) {
      this.#handleFailure({ kind: 'bad_ticket_key' });
      return;
    }
    this.#sendHeartbeatAndPing();
    this.#scheduleCheck(schedule);
    // Emitted last, because a listener may close the host.
    this.#setStatus(this.#status);
  }

  #sendHeartbeatAndPing(): void {
    this.#sendHeartbeat();
    this.#pingsSent += 1;
    this.#attempt?.ping(this.#pingsSent);
  }

  #sendHeartbeat(): void {
    if ((this.#attempt?.bufferedBytes ?? 0) > MAX_BUFFERED_BYTES) return;
    const heartbeat = this.#port.createHeartbeat();
    if (heartbeat !== null) this.send(heartbeat);
  }

  /** The only timer of a registered connection: for the next heartbeat, or the end of the silence that is tolerated. */
  #scheduleCheck(schedule: HeartbeatSchedule): void {
    const { clock } = this.#settings;
    const { dueAtMs } = schedule;
    this.#setTimer(dueAtMs - clock.monotonicMs(), () => {
      const action = schedule.check(dueAtMs, clock.monotonicMs());
      if (action === 'silence') {
        this.#handleFailure({ kind: 'silence' });
        return;
      }
      this.#scheduleCheck(schedule);
      if (action === 'nothing') return;
      // Earlier retries are forgotten only now, when the connection has lasted for a heartbeat interval.
      this.#retryCount = 0;
      this.#sendHeartbeatAndPing();
    });
  }

  #handleFailure(failure: ConnectionFailure): void {
    // `#runShutdown` closes the socket.
    if (this.#shutdown !== undefined) return;
    const { clock, logger, reconnectPolicy, tokenIsRenewable } = this.#settings;
    if (this.#status.state === 'registered') this.#disconnectedSinceMs = clock.monotonicMs();
    this.#abandonAttempt();
    if (!mayRetry(failure, tokenIsRenewable)) {
      logger.error({ failure }, 'The broker refuses this host');
      this.#setClosed({ state: 'closed', cause: 'refused', failure });
      return;
    }
    const delayMs = reconnectPolicy.nextRetryDelayInMs({
      retryCount: this.#retryCount,
      elapsedMs: clock.monotonicMs() - this.#disconnectedSinceMs,
      failure,
    });
    if (delayMs === null) {
      logger.error({ failure }, 'The reconnect policy gave up');
      this.#setClosed({ state: 'closed', cause: 'gave_up', failure });
      return;
    }
    this.#retryCount += 1;
    const retryInMs = Math.max(delayMs, requestedPauseMs(failure));
    logger.info({ failure, retryInMs }, 'Not connected to a broker; retrying');
    this.#setTimer(retryInMs, () => this.#startAttempt());
    this.#setStatus({ state: 'waiting', retryInMs, failure });
  }

  /** Cancels the timer, drops the socket and ignores what it still receives. */
  #abandonAttempt(): void {
    this.#cancelTimer();
    this.#attempt?.abandon();
    this.#attempt = undefined;
  }

  #setClosed(status: ClosedStatus): void {
    this.#abandonAttempt();
    this.#setStatus(status);
  }

  #setStatus(status: HostStatus): void {
    this.#status = status;
    this.#port.handleStatus(status);
  }

  #setTimer(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#settings.clock.setTimer(callback, delayMs);
  }
}
