import type { Clock } from '@duskline/sdk-runtime';
import type { Admission } from './admission.js';

/**
 * How long a client with a valid ticket waits for a slot. Brokers never reserve a slot that is in use: another session has ended, and
 * the host has not received its end yet, because it is changing its broker (about a second) or the `end` is on its way.
 */
export const SLOT_WAIT_MS = 5_000;

interface SlotWait {
  readonly tryAdmit: () => Admission;
  readonly resolve: (admission: Admission) => void;
  readonly cancelTimer: () => void;
}

/** Clients that wait for a slot, in the order of arrival. */
export class SlotWaits {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waits = new Set<SlotWait>();

  /** @param limit how many may wait; any client may show a ticket several times */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /**
   * Waits until `tryAdmit` gives another answer than `no_free_slot`, or the time is up.
   *
   * @param giveUp called when the time is up
   */
  wait(tryAdmit: () => Admission, giveUp: () => void): Promise<Admission> {
    if (this.#waits.size >= this.#limit) return Promise.resolve({ ok: false, reason: 'no_free_slot' });
    const waited = new Promise<Admission>((resolve) => {
      const cancelTimer = this.#clock.setTimer(() => {
        this.#waits.delete(wait);
        giveUp();
        resolve({ ok: false, reason: 'no_free_slot' });
      }, SLOT_WAIT_MS);
      const wait: SlotWait = { tryAdmit, resolve, cancelTimer };
      this.#waits.add(wait);
    });
    // Another client that waited may have replaced this one, or its session, before the application gets the admission.
    return waited.then((admission) =>
      admission.ok && admission.session.state === 'ended' ? tryAdmit() : admission,
    );
  }

  /** A session has ended, or the host has closed. */
  retry(): void {
    for (const wait of [...this.#waits]) {
      const admission = wait.tryAdmit();
      if (!admission.ok && admission.reason === 'no_free_slot') continue;
      this.#waits.delete(wait);
      wait.cancelTimer();
      wait.resolve(admission);
    }
  }
}
