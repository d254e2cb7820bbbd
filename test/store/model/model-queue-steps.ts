import { toStoreMs } from '@duskline/server/domain/store-time.js';
import fc from 'fast-check';
import { metaOf } from '../../support/fleet/fleet-data.js';
import { TTL_MS, broker, clientBroker, epoch, few, limit, session, step } from './model-step.js';

/** Steps of waiting entries, their brokers and sweeps. */
export const queueSteps = [
  step(
    'enqueue',
    {
      wanted: few(
        fc.record({
          sessionId: session,
          epoch,
          arrivedAgoMs: fc.constantFrom(null, null, null, 0, 2_500, 60_000),
          headStartMs: fc.constantFrom(0, 0, 0, 4_000),
          missed: fc.constantFrom(false, false, false, true),
          clientBrokerId: clientBroker,
        }),
      ),
      maxLength: fc.constantFrom(2, 6, 20, 20),
      caller: broker,
    },
    ({ regionPool, now }, { wanted, maxLength, caller }) => {
      const entries = wanted.map(({ arrivedAgoMs, ...one }) => ({
        ...one,
        arrivedAtMs: arrivedAgoMs === null ? null : toStoreMs(now() - arrivedAgoMs),
        meta: metaOf(one.sessionId),
      }));
      return (store) => store.enqueue(regionPool, entries, maxLength, caller);
    },
  ),
  step(
    'queueStatus',
    { sessionIds: fc.array(session, { maxLength: 8 }), attended: fc.boolean() },
    ({ regionPool }, { sessionIds, attended }) =>
      (store) =>
        store.getQueueStatus(regionPool, sessionIds, attended),
  ),
  step(
    'accept',
    {
      nth: fc.nat({ max: 7 }),
      otherwise: session,
      fromEpoch: epoch,
      toEpoch: epoch,
      clientBrokerId: clientBroker,
    },
    ({ regionPool, offered }, { nth, otherwise, ...offer }) => {
      const ids = [...offered(), otherwise];
      const sessionId = ids[nth % ids.length] ?? otherwise;
      return (store) => store.acceptOffer(regionPool, { ...offer, sessionId }, TTL_MS);
    },
  ),
  step(
    'withdraw',
    {
      withdrawals: fc.array(fc.record({ sessionId: session, belowEpoch: fc.nat({ max: 3 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      caller: broker,
    },
    ({ regionPool }, { withdrawals, caller }) =>
      (store) =>
        store.withdrawEntries(regionPool, withdrawals, caller),
  ),
  step(
    'expireOffers',
    { limit, others: fc.array(session, { maxLength: 2 }), caller: broker },
    ({ regionPool }, { limit: atMost, others, caller }) =>
      async (store) => {
        const missed = await store.findExpiredOffers(regionPool, atMost);
        return [missed, await store.expireOffers(regionPool, [...missed, ...others], caller)];
      },
  ),
  step(
    'noteMissed',
    { sessionIds: few(session) },
    ({ regionPool }, { sessionIds }) =>
      (store) =>
        store.recordMissedOffers(regionPool, sessionIds),
  ),
  step(
    'expireQueue',
    { graceMs: fc.constantFrom(3_500, 20_000, 60_000), limit, caller: broker },
    ({ regionPool }, { graceMs, limit: atMost, caller }) =>
      (store) =>
        store.expireUnattendedEntries(regionPool, graceMs, atMost, caller),
  ),
];
