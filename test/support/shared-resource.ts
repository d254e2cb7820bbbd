import { startFor } from './processes/started-processes.js';

/** A resource that is started once in a test process, by the first test that asks for it. */
export interface SharedResource<T> {
  get(): Promise<T>;
}

const stops: (() => Promise<void>)[] = [];

/**
 * @param start runs at most once; the result is stopped by `stopShared`, or killed when the test process ends.
 *   When it fails, the next test that asks tries again.
 */
export function createSharedResource<T extends { stop(): Promise<void> }>(
  start: () => Promise<T>,
): SharedResource<T> {
  let started: Promise<T> | undefined;
  return {
    get() {
      started ??= begin();
      return started;
    },
  };

  function begin(): Promise<T> {
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

/** Stops everything shared, the last started first. A later `get` starts it again. */
export async function stopSharedResources(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
}
