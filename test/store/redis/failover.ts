import { expect } from 'chai';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { REGION_POOL } from '../../support/fleet/fleet-data.js';
import { waitUntil, retryUntilSuccess } from '../../support/time/eventually.js';
import { BROKER, makeHostReady, reserveSlot } from '../fixture.js';
import { ANSWER_WITHIN_MS } from './redis-fixture.js';
import { startBackgroundCalls } from './background-calls.js';

/** From the answer of the new primary to working calls: the longest pause between two attempts, and slack. */
const RECOVERED_WITHIN_MS = 8_000;

/** Stores, and how the primary fails over. */
export interface FailoverOptions {
  readonly store: FleetStore;
  /** The store of another broker on the same fleet, which receives wake-ups. */
  readonly other: FleetStore;
  /** Ends the primary. Resolves when another one has taken over. */
  readonly failOver: () => Promise<void>;
  /** Default `ANSWER_WITHIN_MS`. Commands that a cluster redirects may be tried twice. */
  readonly answerWithinMs?: number;
}

/** Fails over during background calls. Expects that every call ends in time, and that all functions of the store work again. */
export async function expectToSurvive({
  store,
  other,
  failOver,
  ...options
}: FailoverOptions): Promise<void> {
  const wakeUps: RegionPool[] = [];
  await other.onWakeUp('broker-b', (where) => wakeUps.push(where));
  await makeHostReady(store, 'host-a', { slots: 512 });
  const memoryId = await store.getMemoryId();
  const background = startBackgroundCalls(store, 'host-a');
  await waitUntil(() => background.calls.filter(({ outcome }) => outcome === 'answered').length > 20);

  await failOver();
  const backAtMs = performance.now();
  // The new primary may lack the latest writes. Hosts are registered again, as brokers do at the next heartbeat.
  await retryUntilSuccess(() => makeHostReady(store, 'host-a', { slots: 512 }), RECOVERED_WITHIN_MS);
  await retryUntilSuccess(() => other.listHosts(REGION_POOL), RECOVERED_WITHIN_MS);
  expect(await store.getMemoryId())
    .to.be.a('string')
    .that.does.not.equal(memoryId);
  expect((await reserveSlot(store)).hostId).to.equal('host-a');
  expect(await store.acquireLease(REGION_POOL.region, BROKER, 5_000)).to.equal(true);

  wakeUps.length = 0;
  await waitUntil(() => {
    store.sendWakeUp('broker-b', REGION_POOL);
    return wakeUps.length > 0;
  }, RECOVERED_WITHIN_MS);
  await waitUntil(
    () =>
      background.calls.filter(({ outcome, startedAtMs }) => outcome === 'answered' && startedAtMs > backAtMs)
        .length > 20,
  );
  await background.stop();
  const slowest = Math.max(...background.calls.map(({ tookMs }) => tookMs));
  expect(slowest).to.be.below(options.answerWithinMs ?? ANSWER_WITHIN_MS);
}
