import { startFor } from './processes/started-processes.js';

/** A resource that the first test that needs it starts, once in a test process. */
export interface SharedResource<T> {
  get(): Promise<T>;
}

const stops: (() => Promise<void>)[] = [];

/**
 * Creates a resource that is not started yet.
 *
 * @param start called once, and again after a failure. The result is stopped by `stopSharedResources`, or killed when the
 *   test process ends.
 */
export function createSharedResource<T extends { stop(): Promise<void> }>(
  start: () => Promise<T>,
): SharedResource<T> {
  let started: Promise<T> | undefined;
  return {
    get() {
      started ??= startOnce();
      return started;
    },
  };

  function startOnce(): Promise<T> {
    const starting = startFor('run', start);
    const stop = async (): Promise<void> => {
      started = undefined;
      await (await starting).stop();
    };
    stops.push(stop);
    starting.catch(() => {
      started = undefined;
      stops.splice(stops.indexOf(stop), 1);
    });
    return starting;
  }
}

/** Stops all shared resources in reverse start order. A later `get` starts them again. */
export async function stopSharedResources(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
}
