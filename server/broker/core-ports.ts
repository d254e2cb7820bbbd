import type { Runtime } from '../runtime/runtime.js';
import type { Events } from './messaging/broker-events.js';
import type { Reporting } from './reporting.js';
import type { BrokerSettings } from './settings.js';
import type { StoreAccess } from './store-access/ports.js';

/** What nearly every use case that changes sessions needs: settings, time, the store, events to other use cases, metrics and log. */
export type CorePorts = BrokerSettings & Runtime & StoreAccess & Events & Reporting;
