import type { BrokerToHost, Heartbeat, Register, Registered } from '@duskline/protocol';
import type { HostStatus } from './host-status.js';

/** What the link needs from the host, and tells it. Calls come in the order in which things happened. */
export interface LinkOwner {
  /** The first frame of a connection. */
  describe(): Register;
  /** The load and the sessions now; `null` leaves this heartbeat out. */
  beat(): Heartbeat | null;
  /** The broker accepted the host. False when it did so with a key that cannot be used. */
  registered(message: Registered): boolean;
  received(message: Exclude<BrokerToHost, Registered>): void;
  /** Something arrived from the broker. */
  heard(): void;
  /** Time has passed: called at least at every heartbeat, and at every attempt to connect. */
  tick(): void;
  statusChanged(status: HostStatus): void;
}
