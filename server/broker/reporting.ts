import type { Logger } from './logger.js';
import type { BrokerObserver } from './observer.js';

/** Where a broker reports what happens in it: metrics and the log. */
export interface Reporting {
  readonly observer: BrokerObserver;
  readonly log: Logger;
}
