import type { Clock } from '@duskline/sdk-runtime';
import { setWatchedTimer } from '../runtime/watched-timer.js';

/** The connection counts as dead after this many unanswered pings. */
const MAX_UNANSWERED_PINGS = 2;

/** How long the answer to a ping may take after the device woke, in milliseconds. */
const WAKE_TIMEOUT_MS = 1_500;

export interface KeepAliveDependencies {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly sendPing: (id: number) => void;
  /**
   * Called once. No pings follow.
   *
   * @param afterSleep whether the connection died while the device slept
   */
  readonly onDead: (afterSleep: boolean) => void;
}

/**
 * Detects connections that died without a close. Browsers hide WebSocket ping frames from scripts, so the SDK sends messages of
 * type `ping`, but only if nothing was received for an interval, or when the device wakes: the network may have forgotten the
 * connection meanwhile.
 */
export class KeepAlive {
  readonly #dependencies: KeepAliveDependencies;
  #cancelTimer: () => void = () => undefined;
  #hadTraffic = false;
  #unansweredPings = 0;
  #lastPingId = 0;
  /** The device woke, and nothing was received since. */
  #isWaking = false;

  constructor(dependencies: KeepAliveDependencies) {
    this.#dependencies = dependencies;
    this.#schedule();
  }

  /**
   * A frame was received, which proves that the connection works. After a sleep only the answer to the ping proves it: other
   * frames may have been received before.
   *
   * @param pongId of a `pong`
   */
  recordTraffic(pongId?: number): void {
    if (!this.#isWaking || pongId === this.#lastPingId) this.#hadTraffic = true;
  }

  /** The device may have slept: the connection has to prove at once that it works. */
  wake(): void {
    if (!this.#isWaking) this.#handleGap();
  }

  stop(): void {
    this.#cancelTimer();
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#dependencies;
    this.#cancelTimer();
    this.#cancelTimer = setWatchedTimer(clock, this.#isWaking ? WAKE_TIMEOUT_MS : intervalMs, {
      onDue: () => this.#checkTraffic(),
      onGap: () => this.#handleGap(),
    });
  }

  #checkTraffic(): void {
    if (this.#hadTraffic) {
      this.#hadTraffic = false;
      this.#unansweredPings = 0;
      this.#isWaking = false;
      this.#schedule();
    } else {
      this.#pingUnlessDead(this.#isWaking);
    }
  }

  /**
   * What was received before the gap proves nothing. What is received after a ping may not have been read yet, if the process was
   * frozen again, so that a second ping follows before the connection counts as dead.
   */
  #handleGap(): void {
    if (this.#hadTraffic) this.#unansweredPings = 0;
    this.#hadTraffic = false;
    this.#isWaking = true;
    this.#pingUnlessDead(false);
  }

  #pingUnlessDead(isDead: boolean): void {
    if (isDead || this.#unansweredPings === MAX_UNANSWERED_PINGS) {
      this.stop();
      this.#dependencies.onDead(this.#isWaking);
      return;
    }
    this.#unansweredPings += 1;
    this.#lastPingId += 1;
    this.#dependencies.sendPing(this.#lastPingId);
    this.#schedule();
  }
}
