import {
  NO_QUARANTINE,
  isQuarantined,
  recordMoveOutcome,
  type Quarantine,
} from '../../../domain/rebalance/limits/quarantine.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { Reporting } from '../../reporting.js';
import type { BrokerSettings } from '../../settings.js';

/** The hosts that this broker leaves out of moves, because several moves with them failed. */
export class HostQuarantine {
  #quarantine: Quarantine = NO_QUARANTINE;

  constructor(private readonly context: BrokerSettings & Runtime & Reporting) {}

  /** Keys of the hosts in quarantine (`hostKey`). */
  get hostKeys(): string[] {
    return [...this.#quarantine.keys()].filter((key) => this.has(key));
  }

  has(key: string): boolean {
    return isQuarantined(this.#quarantine, key, this.context.clock.monotonicMs());
  }

  recordOutcome(key: string, succeeded: boolean): void {
    const { rebalanceLimits, clock, log, observer } = this.context;
    const nowMs = clock.monotonicMs();
    const wasQuarantined = isQuarantined(this.#quarantine, key, nowMs);
    this.#quarantine = recordMoveOutcome(this.#quarantine, key, succeeded, nowMs, rebalanceLimits);
    if (wasQuarantined || !isQuarantined(this.#quarantine, key, nowMs)) return;
    log.warn({ host: key }, 'host is in quarantine: its moves failed');
    observer.hostQuarantined();
  }
}
