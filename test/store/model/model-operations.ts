import fc from 'fast-check';
import { END_REASONS } from '@duskline/protocol/vocabulary';
import { REQUEST_KEPT_MS } from '@duskline/server/store/fleet-store.js';
import { metaOf } from '../../support/fleet/fleet-data.js';
import { getUtilisation } from '../fixture.js';
import { hostSteps } from './model-host-steps.js';
import { moveSteps } from './model-move-steps.js';
import { queueSteps } from './model-queue-steps.js';
import { requestSteps } from './model-request-steps.js';
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

const sessionSteps = [
  step(
    'reserve',
    {
      wanted: few(
        fc.record({
          sessionId: session,
          epoch,
          clientBrokerId: clientBroker,
          endsWithHost: fc.constantFrom(false, false, false, true),
        }),
      ),
      caller: broker,
    },
    ({ regionPool }, { wanted, caller }) => {
      const reservations = wanted.map(({ endsWithHost, ...one }) => ({
        ...one,
        meta: { ...metaOf(one.sessionId), ...(endsWithHost ? { endsWithHost } : {}) },
      }));
      return (store) => store.reserve(regionPool, reservations, TTL_MS, caller);
    },
  ),
  step(
    'transition',
    {
      changes: few(fc.record({ sessionId: session, epoch, hostId: host, to: held })),
      caller: broker,
    },
    ({ regionPool }, { changes, caller }) =>
      (store) =>
        store.updateSessionStates(regionPool, changes, caller),
  ),
  step(
    'release',
    {
      orders: few(
        fc.record(
          { sessionId: session, epoch, reason: fc.constantFrom(...END_REASONS), hostId: host },
          { requiredKeys: ['sessionId', 'epoch', 'reason'] },
        ),
      ),
      caller: broker,
    },
    ({ regionPool }, { orders, caller }) =>
      (store) =>
        store.endSessions(regionPool, orders, caller),
  ),
  step(
    'recordEnds',
    {
      ends: few(
        fc.record({ sessionId: session, epoch, hostId: host, reason: fc.constantFrom(...END_REASONS) }),
      ),
      caller: broker,
    },
    ({ regionPool }, { ends, caller }) =>
      (store) =>
        store.recordEnds(regionPool, ends, caller),
  ),
  step(
    'attach',
    { sessionId: session, broker },
    ({ regionPool }, args) =>
      (store) =>
        store.setClientBroker(regionPool, args.sessionId, args.broker),
  ),
  step(
    'give',
    {
      sessionId: session,
      broker,
      heldSeq: fc.constantFrom(null, 0),
      fromSeq: fc.constantFrom(undefined, undefined, 0),
      endsWithHost: fc.constantFrom(undefined, true, false),
    },
    ({ regionPool }, args) =>
      (store) =>
        store.giveSession(regionPool, args.sessionId, { clientBrokerId: args.broker, ...args }),
  ),
  step(
    'look',
    { sessionIds: few(session), hostId: host },
    ({ regionPool }, { sessionIds, hostId }) =>
      async (store) => [
        await store.getSessions(regionPool, sessionIds),
        await store.listHostSessions(regionPool, hostId),
        await store.getEndpoints(regionPool, ['host-b', hostId]),
        await store.listHosts(regionPool),
        await getUtilisation(store, regionPool),
      ],
  ),
  step(
    'expireSessions',
    { limit, caller: broker },
    ({ regionPool }, args) =>
      (store) =>
        store.expireSessions(regionPool, args.limit, args.caller),
  ),
  step(
    'forgetEnded',
    { limit },
    ({ regionPool }, args) =>
      (store) =>
        store.deleteEndedSessions(regionPool, args.limit),
  ),
  step(
    'takeMail',
    { broker },
    ({ regionPool }, args) =>
      (store) =>
        store.takeChangedSessions(regionPool, args.broker),
  ),
];

const leaseSteps = [
  step(
    'holdLease',
    { holder: broker, ttlMs: fc.constantFrom(1_000, 5_000) },
    ({ regionPool }, args) =>
      (store) =>
        store.acquireLease(regionPool.region, args.holder, args.ttlMs),
  ),
  step(
    'releaseLease',
    { holder: broker },
    ({ regionPool }, args) =>
      (store) =>
        store.releaseLease(regionPool.region, args.holder),
  ),
];

const time = step(
  'advance',
  { ms: fc.constantFrom(1, 500, 2_500, 4_000, 4_001, 10_001, 30_000, 60_001, REQUEST_KEPT_MS) },
  ({ advance }, { ms }) => {
    advance(ms);
    return () => Promise.resolve(undefined);
  },
);

const regionPool = fc.oneof(...sessionSteps.slice(0, 3));

/** Sequences in which most steps find something to do: placing and changing come more often than the rest. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.oneof(...hostSteps) },
    { weight: 4, arbitrary: hostSteps[1]! },
    { weight: 4, arbitrary: sessionSteps[0]! },
    { weight: 3, arbitrary: regionPool },
    { weight: 5, arbitrary: fc.oneof(...sessionSteps) },
    { weight: 5, arbitrary: fc.oneof(...queueSteps) },
    { weight: 4, arbitrary: fc.oneof(...moveSteps) },
    { weight: 2, arbitrary: moveSteps[0]! },
    { weight: 3, arbitrary: queueSteps[0]! },
    { weight: 2, arbitrary: queueSteps[4]! },
    { weight: 3, arbitrary: fc.oneof(...requestSteps) },
    { weight: 1, arbitrary: fc.oneof(...leaseSteps) },
    { weight: 3, arbitrary: time },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
