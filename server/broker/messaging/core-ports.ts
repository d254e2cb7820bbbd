import type { Events } from './broker-events.js';
import type { Reporting } from '../reporting.js';
import type { BrokerSettings } from '../settings.js';
import type { StoreAccess } from '../store-access/ports.js';

/** The ports that nearly every use case needs that changes sessions. */
export type CorePorts = BrokerSettings & StoreAccess & Events & Reporting;
