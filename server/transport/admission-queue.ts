import type { Limits } from '../domain/limits.js';
import { AdmissionRate } from './admission-rate.js';

/** A client whose upgrade request has arrived and was not answered yet. */
export interface WaitingClient {
  /** Whether the client has closed its socket. */
  readonly isClosed: boolean;
  /** Answers the upgrade request. The client's messages are handled from then on. */
  admit(): void;
}

/** Clock and timers of the queue; replaced in tests. */
export interface QueueClock {
  /** Monotonic time in milliseconds. */
  nowMs(): number;
  setTimer(run: () => void, delayMs: number): void;
}

/**
 * Maximum number of admissions in one turn of the event loop. Admissions that a busy broker missed beyond that are not made
 * up for, so a broker with long turns admits fewer clients.
 */
const MAX_BURST = 4;

const SYSTEM_CLOCK: QueueClock = {
  nowMs: () => performance.now(),
  setTimer: (run, delayMs) => void setTimeout(run, delayMs).unref(),
};

/**
 * Admits clients in the order of their arrival, at a rate that the broker can sustain. When thousands of clients reconnect at
 * once, each costs an upgrade, a `hello` and a repeated request, and connected clients must not be delayed by that. A waiting
 * client costs a socket and no work.
 */
export class AdmissionQueue<Client extends WaitingClient> {
  readonly #clock: QueueClock;
  readonly #rate: AdmissionRate;
  readonly #waitMs: number;
  #waiting: Client[] = [];
  /** Time of the next admission. */
  #dueAtMs = -Infinity;

  constructor(
    { admissionsPerSecond, admissionWaitMs }: Pick<Limits, 'admissionsPerSecond' | 'admissionWaitMs'>,
    clock = SYSTEM_CLOCK,
  ) {
    this.#clock = clock;
    this.#rate = new AdmissionRate(admissionsPerSecond);
    this.#waitMs = admissionWaitMs;
  }

  /**
   * Admits a client, now or later.
   *
   * @returns `full` if it would probably wait for longer than `admissionWaitMs`; it is not queued then
   */
  enter(client: Client): 'admitted' | 'waiting' | 'full' {
    if (this.#waiting.length === 0 && this.#isDue()) {
      this.#admit(client);
      return 'admitted';
    }
    if (this.#waiting.length >= this.#capacity()) return 'full';
    this.#waiting.push(client);
    if (this.#waiting.length === 1) this.#scheduleNext();
    return 'waiting';
  }

  /** Empties the queue. @returns the clients that were waiting; none of them is admitted */
  removeAll(): readonly Client[] {
    return this.#waiting.splice(0);
  }

  /** Maximum length of the queue. */
  #capacity(): number {
    return Math.max(1, Math.floor((this.#waitMs * this.#rate.expectedPerSecond) / 1_000));
  }

  #isDue(): boolean {
    return this.#dueAtMs <= this.#clock.nowMs();
  }

  #admit(client: Client): void {
    const nowMs = this.#clock.nowMs();
    this.#rate.recordAdmission(nowMs);
    const { intervalMs } = this.#rate;
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs - (MAX_BURST - 1) * intervalMs) + intervalMs;
    client.admit();
  }

  #scheduleNext(): void {
    const delayMs = Math.max(1, this.#dueAtMs - this.#clock.nowMs());
    const dueAtMs = this.#clock.nowMs() + delayMs;
    this.#clock.setTimer(() => {
      this.#rate.recordTimerDelay(this.#clock.nowMs() - dueAtMs);
      this.#admitDue();
    }, delayMs);
  }

  #admitDue(): void {
    for (;;) {
      const [client] = this.#waiting;
      if (client === undefined) return;
      if (!client.isClosed && !this.#isDue()) break;
      this.#waiting.shift();
      if (!client.isClosed) this.#admit(client);
    }
    this.#scheduleNext();
  }
}
