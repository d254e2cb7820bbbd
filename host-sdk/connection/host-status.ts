import type { ConnectionFailure } from './connection-failure.js';

/** The state of a host's connection. */
export type HostStatus =
  | { readonly state: 'connecting'; readonly url: string }
  | { readonly state: 'registering'; readonly url: string }
  | {
      readonly state: 'registered';
      readonly url: string;
      readonly heartbeatIntervalMs: number;
      readonly pingIntervalMs: number;
    }
  | { readonly state: 'waiting'; readonly retryInMs: number; readonly failure: ConnectionFailure }
  | { readonly state: 'leaving' }
  | ClosedStatus;

/** Permanent. To connect again, create another host. */
export type ClosedStatus =
  | { readonly state: 'closed'; readonly cause: 'left' | 'closed' }
  /** `refused`: the broker rejects this host. `gave_up`: the reconnect policy returned `null`. */
  | { readonly state: 'closed'; readonly cause: 'refused' | 'gave_up'; readonly failure: ConnectionFailure };

/** Rejects `whenRegistered()` of a host that is closed. */
export class HostClosedError extends Error {
  override readonly name = 'HostClosedError';
  readonly status: ClosedStatus;

  constructor(status: ClosedStatus) {
    super(`The host's connection is closed (${status.cause}).`);
    this.status = status;
  }
}

/**
 * Resolves at the status `registered`, at once if that is the current one.
 *
 * @param subscribe adds a listener, and returns a function that removes it
 * @throws HostClosedError at the status `closed`
 */
export function waitUntilRegistered(
  current: HostStatus,
  subscribe: (listener: (status: HostStatus) => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let unsubscribe = (): void => undefined;
    const checkStatus = (status: HostStatus): void => {
      if (status.state === 'registered') resolve();
      else if (status.state === 'closed') reject(new HostClosedError(status));
      else return;
      unsubscribe();
    };
    unsubscribe = subscribe(checkStatus);
    checkStatus(current);
  });
}
