import type { ConnectionFailure } from './connection-failure.js';

/** Where a host stands with its broker. One value; everything else is derived from it. */
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

/** Over for good: a new `createHost` is needed. */
export type ClosedStatus =
  | { readonly state: 'closed'; readonly cause: 'left' | 'closed' }
  /** `refused`: the broker does not want this host; `gave_up`: the reconnect policy said so. */
  | { readonly state: 'closed'; readonly cause: 'refused' | 'gave_up'; readonly failure: ConnectionFailure };

/** Rejects those who wait for a host that is closed. */
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
