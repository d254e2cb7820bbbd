import type { Events } from './broker-events.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/** What nearly every use case needs that changes sessions: its settings, the store, the events of the broker, metrics and the log. */
export type CorePorts = BrokerSettings & StoreAccess & Events & Reporting;
