import fc from 'fast-check';
import type { ModelContext } from './model-step.js';
import { epoch, few, player, request, session, step } from './model-step.js';

const key = { playerId: player, requestId: request };
const entry = { ...key, sessionId: session };
const expected = fc.record({ sessionId: session, epoch });

/** The same with a player that no other sequence has, in the region pool of the sequence. */
function inWorld<T extends { readonly playerId: string }>(
  { regionPool, uniqueName }: ModelContext,
  named: T,
) {
  return { ...named, playerId: uniqueName(named.playerId), regionPool };
}

/** Calls about the requests of a few players. */
export const requestSteps = [
  step('recordRequests', { entries: few(fc.record(entry)) }, (world, { entries }) => {
    const recorded = entries.map((one) => inWorld(world, one));
    return (store) => store.recordRequests(recorded);
  }),
  step('findRequests', { keys: few(fc.record(key)) }, (world, { keys }) => {
    const found = keys.map((one) => inWorld(world, one));
    return (store) => store.findRequests(found);
  }),
  step(
    'replaceLiveRequest',
    { ...entry, expected: fc.option(expected) },
    (world, { expected: live, ...one }) =>
      (store) =>
        store.replaceLiveRequest(inWorld(world, one), live),
  ),
  step(
    'resumeLiveRequest',
    { ...key, expected, raiseEpoch: fc.boolean() },
    (world, { expected: live, raiseEpoch, ...one }) =>
      (store) =>
        store.resumeLiveRequest(inWorld(world, one), live, raiseEpoch),
  ),
  step(
    'clearLiveRequests',
    { ended: few(fc.record({ playerId: player, sessionId: session, epoch })) },
    (world, { ended }) => {
      const cleared = ended.map((one) => inWorld(world, one));
      return (store) => store.clearLiveRequests(cleared);
    },
  ),
  step(
    'renewLiveRequests',
    { returned: few(fc.record({ playerId: player, sessionId: session, epoch })) },
    (world, { returned }) => {
      const renewed = returned.map((one) => inWorld(world, one));
      return (store) => store.renewLiveRequests(renewed);
    },
  ),
  step(
    'startAttempt',
    { ...entry, epoch, orLater: fc.boolean() },
    (world, { epoch: from, orLater, ...one }) =>
      (store) =>
        store.startAttempt(inWorld(world, one), from, orLater),
  ),
  step(
    'allocateEpoch',
    { ...entry, epoch },
    (world, { epoch: above, ...one }) =>
      (store) =>
        store.allocateEpoch(inWorld(world, one), above),
  ),
  step(
    'commitEpoch',
    { ...entry, epoch, fromEpoch: epoch },
    (world, { epoch: to, fromEpoch, ...one }) =>
      (store) =>
        store.commitEpoch(inWorld(world, one), { epoch: to, fromEpoch }),
  ),
  step(
    'setRequestPool',
    entry,
    (world, one) => (store) =>
      store.setRequestPool({ ...inWorld(world, one), regionPool: { region: 'elsewhere', pool: 'pc' } }),
  ),
  step(
    'deleteRequest',
    key,
    (world, one) => (store) => store.deleteRequest(world.uniqueName(one.playerId), one.requestId),
  ),
];
