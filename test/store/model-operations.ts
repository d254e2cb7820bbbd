import fc from 'fast-check';
import { END_REASONS, HELD_STATES } from '@duskline/protocol/vocabulary';
import type { Place } from '@duskline/server/domain/catalog.js';
import { CLAIM_KEPT_MS, type FleetStore } from '@duskline/server/store/fleet-store.js';
import { metaOf, sessionIdOf } from '../support/fleet-data.js';

/** What operations need to know of the moment at which they run; the same for both stores. */
export interface World {
  readonly place: Place;
  /** Makes names that no other sequence uses. */
  own(name: string): string;
  advance(ms: number): void;
  hostAt(hostId: string): { readonly digest: number; readonly beatAtMs: number } | undefined;
}

/** One call, ready to be made on any store. */
export type Call = (store: FleetStore) => Promise<unknown>;

/** A step of a sequence: looks at the world once, and gives the call that both stores get. */
export interface Step {
  prepare(world: World): Call;
  toString(): string;
}

// Few of everything, so that steps meet each other.
const host = fc.constantFrom('host-a', 'host-b', 'host-c');
const session = fc.nat({ max: 7 }).map(sessionIdOf);
const epoch = fc.constantFrom(1, 1, 1, 2, 3);
const broker = fc.constantFrom('broker-a', 'broker-b');
const connection = fc.constantFrom('broker-a.1', 'broker-a.1', 'broker-a.1', 'broker-b.2');
const slots = fc.integer({ min: 1, max: 4 });
const limit = fc.integer({ min: 1, max: 4 });
const held = fc.constantFrom(...HELD_STATES);
const player = fc.constantFrom('player-1', 'player-2');
const request = fc.nat({ max: 9 }).map((number) => `request-${number}`);

function few<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(item, { minLength: 1, maxLength: 8 });
}

/** A verb with random arguments. */
function step<T extends Record<string, unknown>>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  prepare: (world: World, args: T) => Call,
): fc.Arbitrary<Step> {
  return fc.record(args).map((drawn) => ({
    prepare: (world) => prepare(world, drawn as T),
    toString: () => `${name}(${JSON.stringify(drawn)})`,
  }));
}

const hostSteps = [
  step('registerHost', { hostId: host, connectionId: connection, slots }, ({ place }, args) => {
    const endpoint = `quic://${args.hostId}.example:${args.slots}`;
    return (store) => store.registerHost(place, { ...args, endpoint });
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
    ({ place, hostAt }, { beats }) => {
      const told = beats.map(({ agrees, ...beat }) => {
        const digest = hostAt(beat.hostId)?.digest ?? 0;
        return { ...beat, digest: agrees ? digest : digest ^ 77 };
      });
      return (store) => store.beat(place, told);
    },
  ),
  step(
    'reconcile',
    {
      hostId: host,
      connectionId: connection,
      sessions: fc.array(fc.record({ sessionId: session, epoch, state: held }), { maxLength: 5 }),
    },
    ({ place }, { sessions, ...from }) =>
      (store) =>
        store.reconcile(place, from, sessions),
  ),
  step(
    'removeHost',
    { hostId: host, connectionId: connection },
    ({ place }, { hostId, connectionId }) =>
      (store) =>
        store.removeHost(place, hostId, connectionId),
  ),
  step(
    'findSilent',
    { silentForMs: fc.constantFrom(0, 4_000, 10_000), limit },
    ({ place }, args) =>
      (store) =>
        store.findSilent(place, args.silentForMs, args.limit),
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
    ({ place, hostAt }, { orders, caller }) => {
      const told = orders.map(({ hostId, order, current }) => {
        const beatAtMs = hostAt(hostId)?.beatAtMs ?? 0;
        return { hostId, order, beatAtMs: current ? beatAtMs : beatAtMs - 1 };
      });
      return (store) => store.orderSilent(place, told, caller);
    },
  ),
  step(
    'recount',
    {},
    ({ place }) =>
      (store) =>
        store.recount(place, null),
  ),
];

const sessionSteps = [
  step(
    'reserve',
    {
      wanted: few(
        fc.record({ sessionId: session, epoch, clientBrokerId: fc.constantFrom('', 'broker-a', 'broker-b') }),
      ),
      ttlMs: fc.constantFrom(5_000, 30_000),
      caller: broker,
    },
    ({ place }, { wanted, ttlMs, caller }) => {
      const reservations = wanted.map((one) => ({ ...one, meta: metaOf(one.sessionId) }));
      return (store) => store.reserve(place, reservations, ttlMs, caller);
    },
  ),
  step(
    'transition',
    {
      changes: few(fc.record({ sessionId: session, epoch, hostId: host, to: held })),
      caller: broker,
    },
    ({ place }, { changes, caller }) =>
      (store) =>
        store.transition(place, changes, caller),
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
    ({ place }, { orders, caller }) =>
      (store) =>
        store.release(place, orders, caller),
  ),
  step(
    'attach',
    { sessionId: session, broker },
    ({ place }, args) =>
      (store) =>
        store.attach(place, args.sessionId, args.broker),
  ),
  step(
    'look',
    { sessionIds: few(session), hostId: host },
    ({ place }, { sessionIds, hostId }) =>
      async (store) => [
        await store.getSessions(place, sessionIds),
        await store.hostSessions(place, hostId),
        await store.endpoints(place, ['host-b', hostId]),
        await store.listHosts(place),
        await store.utilisation(place),
      ],
  ),
  step(
    'expireReservations',
    { limit, caller: broker },
    ({ place }, args) =>
      (store) =>
        store.expireReservations(place, args.limit, args.caller),
  ),
  step(
    'forgetEnded',
    { limit },
    ({ place }, args) =>
      (store) =>
        store.forgetEnded(place, args.limit),
  ),
  step(
    'takeMail',
    { broker },
    ({ place }, args) =>
      (store) =>
        store.takeMail(place, args.broker),
  ),
];

const brokerSteps = [
  step(
    'claim',
    { claims: few(fc.record({ playerId: player, requestId: request, sessionId: session })) },
    ({ place, own }, { claims }) => {
      const told = claims.map((claim) => ({ ...claim, playerId: own(claim.playerId), place }));
      return (store) => store.claim(told);
    },
  ),
  step(
    'reclaim',
    { playerId: player, requestId: request, sessionId: session, epoch },
    ({ place, own }, { epoch: from, ...claim }) =>
      (store) =>
        store.reclaim({ ...claim, playerId: own(claim.playerId), place }, from),
  ),
  step(
    'forgetClaim',
    { playerId: player, requestId: request },
    ({ own }, args) =>
      (store) =>
        store.forgetClaim(own(args.playerId), args.requestId),
  ),
  step(
    'holdLease',
    { holder: broker, ttlMs: fc.constantFrom(1_000, 5_000) },
    ({ place }, args) =>
      (store) =>
        store.holdLease(place.region, args.holder, args.ttlMs),
  ),
  step(
    'releaseLease',
    { holder: broker },
    ({ place }, args) =>
      (store) =>
        store.releaseLease(place.region, args.holder),
  ),
];

const time = step(
  'advance',
  { ms: fc.constantFrom(1, 500, 2_500, 4_000, 4_001, 10_001, 30_000, 60_001, CLAIM_KEPT_MS) },
  ({ advance }, { ms }) => {
    advance(ms);
    return () => Promise.resolve(undefined);
  },
);

const place = fc.oneof(...sessionSteps.slice(0, 3));

/** Sequences in which most steps find something to do: placing and changing come more often than the rest. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.oneof(...hostSteps) },
    { weight: 4, arbitrary: hostSteps[1]! },
    { weight: 4, arbitrary: sessionSteps[0]! },
    { weight: 3, arbitrary: place },
    { weight: 5, arbitrary: fc.oneof(...sessionSteps) },
    { weight: 3, arbitrary: fc.oneof(...brokerSteps) },
    { weight: 3, arbitrary: time },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
