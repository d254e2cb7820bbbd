import fc from 'fast-check';
import { sessionOfTargetReservation } from '@duskline/server/domain/target-reservation.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { metaOf } from '../../support/fleet/fleet-data.js';
import {
  TTL_MS,
  broker,
  clientBroker,
  epoch,
  few,
  held,
  host,
  limit,
  session,
  step,
  type Step,
} from './model-step.js';

/** The same for all, because the expiry lists of a region pool require equal times. */
const HELD_MS = 3_000;

const excluded = fc.constantFrom(null, 'host-a', 'host-b');
const cap = fc.constantFrom(FULL, FULL, 0.7 * FULL, 0);

const arrived = fc.oneof(held, fc.constant('reserved' as const));

/** Steps of moves into the region pool, within it, and out of it. */
export const moveSteps: readonly fc.Arbitrary<Step>[] = [
  step(
    'hold',
    {
      sessionId: session,
      epoch,
      coordinator: broker,
      excludedHostId: excluded,
      maxCongestion: cap,
      caller: broker,
    },
    ({ regionPool }, { sessionId, epoch: toEpoch, coordinator, excludedHostId, maxCongestion, caller }) => {
      const arrival = {
        sessionId,
        epoch: toEpoch,
        clientBrokerId: coordinator,
        meta: metaOf(`${sessionId}-moved`),
      };
      return (store) =>
        store.reserveTargetSlot(regionPool, arrival, { excludedHostId, maxCongestion }, HELD_MS, caller);
    },
  ),
  step(
    'arrive',
    {
      sessionId: session,
      epoch,
      hostId: host,
      state: arrived,
      clientBrokerId: clientBroker,
      seq: fc.constantFrom(0, 7),
      caller: broker,
    },
    ({ regionPool }, { caller, ...report }) =>
      (store) =>
        store.completeMove(regionPool, report, TTL_MS, caller),
  ),
  step(
    'arriveAsHeld',
    { nth: fc.nat({ max: 3 }), state: arrived, caller: broker },
    ({ regionPool, targetReservations: arrivals }, { nth, state, caller }) => {
      const due = arrivals();
      const arrival = due[nth % Math.max(1, due.length)];
      if (arrival === undefined) return () => Promise.resolve();
      const { sessionId, epoch: toEpoch, hostId } = arrival;
      const report = {
        sessionId: sessionOfTargetReservation(sessionId) ?? '',
        epoch: toEpoch,
        hostId,
        state,
        clientBrokerId: 'broker-b',
        seq: 0,
      };
      return (store) => store.completeMove(regionPool, report, TTL_MS, caller);
    },
  ),
  step(
    'dropArrival',
    { sessionId: session, epoch, caller: broker },
    ({ regionPool }, { sessionId, epoch: toEpoch, caller }) =>
      (store) =>
        store.releaseTargetSlot(regionPool, sessionId, toEpoch, caller),
  ),
  step(
    'noteMovable',
    { notes: few(fc.record({ hostId: host, sessionId: session, epoch, movable: fc.boolean() })) },
    ({ regionPool }, { notes }) =>
      (store) =>
        store.recordMovableChanges(regionPool, notes),
  ),
  step(
    'listWaiting',
    { limit },
    ({ regionPool }, args) =>
      (store) =>
        store.listQueuedEntries(regionPool, args.limit),
  ),
];
