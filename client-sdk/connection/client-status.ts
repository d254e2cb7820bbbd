import type { RegionInfo } from '@duskline/protocol';
import type { DusklineError } from '../errors.js';

/**
 * Where a client stands with its brokers. One value; everything else is derived from it.
 *
 * - `idle`: created; `connect()`, `play()` and `measureRegions()` start it.
 * - `connecting`: token, socket, `hello`; `attempt` counts from 1 since the last connection that held.
 * - `ready`: the broker said `welcome`.
 * - `waiting`: an attempt failed or the connection was lost; the next attempt comes in `retryInMs`.
 * - `closed`: for good. With `error` when not `close()` but a refusal or the reconnect policy ended it.
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
  /** For logs and support: names this connection on its broker. */
  readonly connectionId: string;
  readonly playerId: string;
  readonly regions: readonly RegionInfo[];
}

/** Where a client may go from each state. */
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
