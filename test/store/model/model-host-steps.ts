import { toStoreMs } from '@duskline/server/domain/store-time.js';
import fc from 'fast-check';
import { HOST_FAILURE_REASONS } from '@duskline/server/domain/host-failures.js';
import { CLOSURES } from '@duskline/server/domain/closure.js';
import { connection, broker, epoch, few, held, host, limit, session, slots, step } from './model-step.js';

/** Steps of hosts and sweeps. */
export const hostSteps = [
  step('registerHost', { hostId: host, connectionId: connection, slots }, ({ regionPool }, args) => {
    const endpoint = `quic://${args.hostId}.example:${args.slots}`;
    return (store) => store.registerHost(regionPool, { ...args, endpoint });
  }),
  step(
    'beat',
    {
      beats: few(
        fc.record({
          hostId: host,
          connectionId: connection,
          measured: fc.constantFrom(0, 250_000, 600_000, 1_300_000),
          agrees: fc.constantFrom(true, true, true, false),
        }),
      ),
    },
    ({ regionPool, hostAt }, { beats }) => {
      const heartbeats = beats.map(({ agrees, ...beat }) => {
        const digest = hostAt(beat.hostId)?.digest ?? 0;
        return { ...beat, digest: agrees ? digest : digest ^ 77 };
      });
      return (store) => store.recordHeartbeats(regionPool, heartbeats);
    },
  ),
  step(
    'reconcile',
    {
      hostId: host,
      connectionId: connection,
      sessions: fc.uniqueArray(fc.record({ sessionId: session, epoch, state: held }), {
        maxLength: 5,
        selector: (held) => held.sessionId,
      }),
    },
    ({ regionPool }, { sessions, ...from }) =>
      (store) =>
        store.reconcileHost(regionPool, from, sessions),
  ),
  step(
    'removeHost',
    { hostId: host, connectionId: connection },
    ({ regionPool }, { hostId, connectionId }) =>
      (store) =>
        store.removeHost(regionPool, hostId, connectionId),
  ),
  step(
    'findSilent',
    { silentForMs: fc.constantFrom(0, 4_000, 10_000), limit },
    ({ regionPool }, args) =>
      (store) =>
        store.findSilentHosts(regionPool, args.silentForMs, args.limit),
  ),
  step(
    'orderSilent',
    {
      orders: few(
        fc.record({
          hostId: host,
          order: fc.constantFrom('suspect' as const, 'missing' as const, 'lost' as const),
          current: fc.constantFrom(true, true, true, false),
        }),
      ),
      caller: broker,
    },
    ({ regionPool, hostAt }, { orders, caller }) => {
      const silent = orders.map(({ hostId, order, current }) => {
        const heartbeatAtMs = hostAt(hostId)?.heartbeatAtMs ?? 0;
        return { hostId, order, heartbeatAtMs: toStoreMs(current ? heartbeatAtMs : heartbeatAtMs - 1) };
      });
      return (store) => store.markSilentHosts(regionPool, silent, caller);
    },
  ),
  step(
    'changeClosures',
    {
      hostId: fc.option(host),
      closure: fc.constantFrom(...CLOSURES),
      // Mostly opened: a closed region pool or host ends what other steps can do.
      change: fc.constantFrom('addClosure', 'removeClosure', 'removeClosure'),
    },
    ({ regionPool }, { hostId, closure, change }) =>
      async (store) => {
        await store[change](regionPool, hostId, closure);
        return [await store.getClosures(regionPool, null), await store.getClosures(regionPool, hostId)];
      },
  ),
  step(
    'recordHostFailure',
    { hostId: host, reason: fc.constantFrom(...HOST_FAILURE_REASONS), ageMs: fc.constantFrom(0, 100, 3_000) },
    ({ regionPool, now }, { hostId, reason, ageMs }) => {
      const reservedAtMs = toStoreMs(now() - ageMs);
      return (store) => store.recordHostFailure(regionPool, hostId, reason, reservedAtMs);
    },
  ),
  step(
    'failReservation',
    {
      chosen: fc.nat(),
      stray: fc.option(fc.record({ hostId: host, sessionId: session, epoch })),
      caller: broker,
    },
    ({ regionPool, reserved }, { chosen, stray, caller }) => {
      const all = reserved();
      const found = stray ?? all[chosen % Math.max(1, all.length)];
      const { hostId, sessionId, epoch: at } = found ?? { hostId: 'host-a', sessionId: 'none', epoch: 1 };
      const failed = { hostId, sessionId, epoch: at, reason: 'refused' } as const;
      return (store) => store.failReservation(regionPool, failed, caller);
    },
  ),
  step(
    'recount',
    {},
    ({ regionPool }) =>
      (store) =>
        store.recountHosts(regionPool, null),
  ),
];
