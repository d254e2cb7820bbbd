import type { LimitedLog } from './limited-log.js';
import type { Logger } from './logger.js';
import type { BrokerObserver } from './observer.js';

/** Metrics and log of a broker. */
export interface Reporting {
  readonly observer: BrokerObserver;
  readonly log: Logger;
  /** For warnings that peers can cause in any number. */
  readonly limitedLog: LimitedLog;
}
