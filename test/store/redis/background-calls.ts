import { StoreUnavailableError, type FleetStore } from '@duskline/server/store/fleet-store.js';
import { pauseFor } from '../../support/time/pacing.js';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import { BROKER, RESERVATION_MS, sendHeartbeat } from '../fixture.js';

/** A call that has ended. */
export interface BackgroundCall {
  readonly verb: 'beat' | 'reserve' | 'release';
  readonly startedAtMs: number;
  readonly tookMs: number;
  /** `unavailable`: rejected with `StoreUnavailableError`. */
  readonly outcome: 'answered' | 'unavailable';
}

/** Calls that continue whatever happens to the store, like those of a broker. */
export interface BackgroundCalls {
  readonly calls: readonly BackgroundCall[];
  /** Sessions that the store has reserved and that were not released. */
  readonly heldSessionIds: ReadonlySet<string>;
  /** Stops the calls. Rejects with the first error other than `StoreUnavailableError`. */
  stop(): Promise<void>;
}

const EVERY_MS = 25;

/** Records a heartbeat, reserves a slot and releases another one at a fixed interval, without waiting for the answers. */
export function startBackgroundCalls(store: FleetStore, hostId: string): BackgroundCalls {
  const calls: BackgroundCall[] = [];
  const held = new Set<string>();
  const running = new Set<Promise<void>>();
  const wrong: Error[] = [];
  let stopped = false;

  const measure = (verb: BackgroundCall['verb'], call: () => Promise<void>): void => {
    const startedAtMs = performance.now();
    const over = (outcome: BackgroundCall['outcome']): void => {
      calls.push({ verb, startedAtMs, tookMs: performance.now() - startedAtMs, outcome });
    };
    const run = call().then(
      () => over('answered'),
      (error: unknown) => {
        over('unavailable');
        if (!(error instanceof StoreUnavailableError)) wrong.push(error as Error);
      },
    );
    running.add(run);
    void run.then(() => running.delete(run));
  };

  const reserveOne = async (): Promise<void> => {
    const sessionId = newSessionId();
    const { outcomes } = await store.reserve(REGION_POOL, [reservation(sessionId)], RESERVATION_MS, BROKER);
    if (outcomes[0]?.kind === 'reserved') held.add(sessionId);
  };
  const releaseOne = async (): Promise<void> => {
    const [sessionId] = held;
    if (sessionId === undefined) return;
    held.delete(sessionId);
    await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
  };

  const beat = async (): Promise<void> => {
    await sendHeartbeat(store, hostId);
  };

  const loop = async (): Promise<void> => {
    while (!stopped) {
      measure('beat', beat);
      measure('reserve', reserveOne);
      measure('release', releaseOne);
      await pauseFor(EVERY_MS);
    }
  };
  const looping = loop();
  return {
    calls,
    heldSessionIds: held,
    async stop() {
      stopped = true;
      await looping;
      await Promise.all(running);
      if (wrong[0] !== undefined) throw wrong[0];
    },
  };
}
