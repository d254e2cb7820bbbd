import type { Logger } from './logger.js';
import type { BrokerObserver } from './observer.js';

/** Metrics and log of a broker. */
export interface Reporting {
  readonly observer: BrokerObserver;
  readonly log: Logger;
}
