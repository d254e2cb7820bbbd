/** Something started once for a whole run, by the first test that asks for it. */
export interface Shared<T> {
  get(): Promise<T>;
}

const stops: (() => Promise<void>)[] = [];

/** @param start runs at most once a run; what it gives is stopped when the run is over */
export function createShared<T extends { stop(): Promise<void> }>(start: () => Promise<T>): Shared<T> {
  let started: Promise<T> | undefined;
  return {
    get() {
      if (started === undefined) {
        const starting = start();
        started = starting;
        stops.push(async () => (await starting).stop());
      }
      return started;
    },
  };
}

/** Stops everything shared, the last first. */
export async function stopShared(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop();
}
