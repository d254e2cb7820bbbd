import type { BrokerToHost, Heartbeat, Register, Registered } from '@duskline/protocol';
import type { HostStatus } from './host-status.js';

/** What the broker connection needs from the host, and reports to it. Calls come in the order in which things happened. */
export interface BrokerConnectionPort {
  /** The first frame of a connection. */
  createRegister(): Register;
  /** The load and the sessions now; `null` leaves this heartbeat out. */
  createHeartbeat(): Heartbeat | null;
  /** The broker accepted the host. False when it did so with a key that cannot be used. */
  handleRegistered(message: Registered): boolean;
  handleMessage(message: Exclude<BrokerToHost, Registered>): void;
  /** Something arrived from the broker. */
  handleTraffic(): void;
  /** Time has passed: called at least at every heartbeat, and at every attempt to connect. */
  handleTimePassed(): void;
  handleStatus(status: HostStatus): void;
}
