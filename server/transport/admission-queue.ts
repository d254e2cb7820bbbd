import type { Limits } from '../domain/limits.js';
import type { ServerClock } from '../runtime/runtime.js';
import { AdmissionRate } from './admission-rate.js';

/** A client whose upgrade request has arrived and was not answered yet. */
export interface WaitingClient {
  /**
   * Called when the client has to wait.
   *
   * @param onLeft to be called if the client closes its connection before `admit`
   */
  startWaiting(onLeft: () => void): void;
  /** Answers the upgrade request. The client's messages are handled from then on. */
  admit(): void;
}

type QueueClock = Pick<ServerClock, 'monotonicMs' | 'setBackgroundTimer'>;

/**
 * Maximum number of admissions in one turn of the event loop. Admissions that a busy broker missed beyond that are not made
 * up for, so a broker with long turns admits fewer clients.
 */
const MAX_BURST = 4;

/**
 * Admits clients in the order of their arrival, at a rate that the broker can sustain. When thousands of clients reconnect at
 * once, each costs an upgrade, a `hello` and a repeated request, and connected clients must not be delayed by that. A waiting
 * client costs a socket and no work. A client that closes its connection leaves the queue at once, and all behind it move up.
 */
export class AdmissionQueue<Client extends WaitingClient> {
  readonly #clock: QueueClock;
  readonly #rate: AdmissionRate;
  readonly #waitMs: number;
  /** In the order of arrival. */
  readonly #waiting = new Set<Client>();
  /** Time of the next admission. */
  #dueAtMs = -Infinity;
  #hasTimer = false;

  constructor(
    { admissionsPerSecond, admissionWaitMs }: Pick<Limits, 'admissionsPerSecond' | 'admissionWaitMs'>,
    clock: QueueClock,
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
    if (this.#waiting.size === 0 && this.#isDue()) {
      this.#admit(client);
      return 'admitted';
    }
    if (this.#waiting.size >= this.#capacity()) return 'full';
    this.#waiting.add(client);
    client.startWaiting(() => this.#waiting.delete(client));
    this.#scheduleNext();
    return 'waiting';
  }

  /** Empties the queue. @returns the clients that were waiting; none of them is admitted */
  removeAll(): readonly Client[] {
    const clients = [...this.#waiting];
    this.#waiting.clear();
    return clients;
  }

  /** Maximum length of the queue. */
  #capacity(): number {
    return Math.max(1, Math.floor((this.#waitMs * this.#rate.expectedPerSecond) / 1_000));
  }

  #isDue(): boolean {
    return this.#dueAtMs <= this.#clock.monotonicMs();
  }

  #admit(client: Client): void {
    const nowMs = this.#clock.monotonicMs();
    this.#rate.recordAdmission(nowMs);
    const { intervalMs } = this.#rate;
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs - (MAX_BURST - 1) * intervalMs) + intervalMs;
    client.admit();
  }

  /** Sets the timer for the next admission, unless it is set. It may be set for a client that has left since. */
  #scheduleNext(): void {
    if (this.#hasTimer) return;
    this.#hasTimer = true;
    const delayMs = Math.max(1, this.#dueAtMs - this.#clock.monotonicMs());
    const dueAtMs = this.#clock.monotonicMs() + delayMs;
    this.#clock.setBackgroundTimer(() => {
      this.#hasTimer = false;
      this.#rate.recordTimerDelay(this.#clock.monotonicMs() - dueAtMs);
      this.#admitDue();
    }, delayMs);
  }

  #admitDue(): void {
    for (const client of this.#waiting) {
      if (!this.#isDue()) break;
      this.#waiting.delete(client);
      this.#admit(client);
    }
    if (this.#waiting.size > 0) this.#scheduleNext();
  }
}
