import type { BrokerToHost, Heartbeat, Register, Registered } from '@duskline/protocol';
import type { HostStatus } from './host-status.js';

/** What the broker connection needs from the host, and reports to it in the order of events. */
export interface BrokerConnectionPort {
  /** The first frame of a connection. */
  createRegister(): Register;
  /** The current load and sessions. `null` skips the heartbeat. */
  createHeartbeat(): Heartbeat | null;
  /** The broker registered the host. Returns false if its ticket key is unusable. */
  handleRegistered(message: Registered): boolean;
  handleMessage(message: Exclude<BrokerToHost, Registered>): void;
  /** The broker answered a ping, so it has received what was sent before. Pings are numbered from 1, over all connections. */
  handlePong(ping: number): void;
  handleStatus(status: HostStatus): void;
}
