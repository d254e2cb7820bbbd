import type { RegionInfo } from '@duskline/protocol';
import type { DusklineError } from '../errors.js';

/**
 * The state of a client's connection.
 *
 * - `idle`: created. `connect()`, `play()` and `measureRegions()` start the connection.
 * - `connecting`: gets a token, opens a socket, sends `hello`. `attempt` counts from 1 since the last stable connection.
 * - `ready`: the broker sent `welcome`.
 * - `waiting`: an attempt failed or the connection was lost. The next attempt starts in `retryInMs`.
 * - `closed`: permanently. `error` is absent after `close()`; else it is why the broker or the reconnect policy ended the connection.
 */
export type ClientStatus =
  | { readonly state: 'idle' }
  | { readonly state: 'connecting'; readonly attempt: number; readonly url: string }
  | ReadyStatus
  | {
      readonly state: 'waiting';
      readonly attempt: number;
      readonly retryInMs: number;
      readonly error: DusklineError;
    }
  | { readonly state: 'closed'; readonly error?: DusklineError };

export interface ReadyStatus {
  readonly state: 'ready';
  /** Identifies this connection in the logs of the broker. */
  readonly connectionId: string;
  readonly playerId: string;
  readonly regions: readonly RegionInfo[];
}

/** The transitions of each state. */
const CLIENT_TRANSITIONS = {
  idle: ['connecting', 'closed'],
  connecting: ['ready', 'waiting', 'closed'],
  ready: ['waiting', 'closed'],
  waiting: ['connecting', 'closed'],
  closed: [],
} as const satisfies Record<ClientStatus['state'], readonly ClientStatus['state'][]>;

export function isStatusTransition(from: ClientStatus, to: ClientStatus): boolean {
  return (CLIENT_TRANSITIONS[from.state] as readonly string[]).includes(to.state);
}
