import type { Limits } from '../domain/limits.js';
import { AdmissionRate } from './admission-rate.js';

/** A client that asks to be let in: its socket is there, and nothing was done for it yet. */
export interface WaitingClient {
  /** It has hung up. */
  readonly isClosed: boolean;
  /** Lets it in. What it says from then on is handled at once. */
  admit(): void;
}

/** Time, as the queue sees it. */
export interface QueueClock {
  /** Milliseconds, monotonic. */
  nowMs(): number;
  setTimer(run: () => void, delayMs: number): void;
}

/**
 * So many may be let in within one turn of the event loop, or at once after a quiet time. A broker whose turns are
 * long is busy: what it could not do in time is not made up for, and it lets in fewer until it is not.
 */
const MAX_BURST = 4;

const SYSTEM_CLOCK: QueueClock = {
  nowMs: () => performance.now(),
  setTimer: (run, delayMs) => void setTimeout(run, delayMs).unref(),
};

/**
 * Lets clients in at a pace that the broker can carry, first come, first served. When thousands come back in the same instant, each
 * costs an upgrade, a hello and a repeated request; those who are connected must not wait for all of that. Whoever
 * waits here costs a socket, and no work.
 */
export class AdmissionQueue<Client extends WaitingClient> {
  readonly #clock: QueueClock;
  readonly #rate: AdmissionRate;
  readonly #waitMs: number;
  #waiting: Client[] = [];
  /** When the next one may be let in. */
  #dueAtMs = -Infinity;

  constructor(
    { admissionsPerSecond, admissionWaitMs }: Pick<Limits, 'admissionsPerSecond' | 'admissionWaitMs'>,
    clock = SYSTEM_CLOCK,
  ) {
    this.#clock = clock;
    this.#rate = new AdmissionRate(admissionsPerSecond);
    this.#waitMs = admissionWaitMs;
  }

  /** Lets a client in, now or in its turn. `false` when it would have to wait for longer than it is likely to. */
  enter(client: Client): boolean {
    if (this.#waiting.length === 0 && this.#isDue()) {
      this.#admit(client);
      return true;
    }
    if (this.#waiting.length >= this.#capacity()) return false;
    this.#waiting.push(client);
    if (this.#waiting.length === 1) this.#scheduleNext();
    return true;
  }

  /** Lets nobody in any more. Returns those who waited. */
  removeAll(): readonly Client[] {
    return this.#waiting.splice(0);
  }

  /** How many may wait. */
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
