import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { Redis } from 'ioredis';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { PLACE, newSessionId, reservation } from '../support/fleet/fleet-data.js';
import { retryUntilSuccess } from '../support/eventually.js';
import { sharedRedisCluster } from '../support/redis/redis-cluster.js';
import { startRedisServer } from '../support/redis/redis-server.js';
import { BROKER, SUSPECT_AFTER_MS, hostOf, makeReady, place, placeActive } from './fixture.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';

const LUA = new URL('../../../server/store/redis/lua/', import.meta.url);

/** Commands of ours that have no key. */
const KEYLESS = new Set(['time', 'ping', 'info', 'publish', 'subscribe', 'script', 'hello', 'client']);

interface Seen {
  readonly name: string;
  readonly keys: readonly string[];
  /** What the script did, if it is one. */
  readonly inner: { readonly name: string; readonly key: string | undefined }[];
}

/** Every verb at least once, with enough of everything that each script writes all it can write. */
async function useEveryVerb(store: FleetStore): Promise<void> {
  for (const hostId of ['host-a', 'host-b', 'host-c']) await makeReady(store, hostId);
  const held = await placeActive(store, { clientBrokerId: 'broker-b' });
  const { sessionId } = await place(store);
  await store.attach(PLACE, sessionId, 'broker-c');
  await store.restore(PLACE, [reservation(sessionId)]);
  const letter = { sessionId: held.sessionId, epoch: 1, body: '"word"' };
  await store.forward(
    PLACE,
    [
      { ...letter, fromHostId: null },
      { ...letter, fromHostId: held.hostId },
    ],
    'broker-d',
  );
  for (const broker of [BROKER, 'broker-b']) await store.takeLetters(PLACE, broker);
  await store.hostSessions(PLACE, held.hostId);
  await store.release(PLACE, [{ sessionId, epoch: 1, reason: 'operator' }], 'broker-d');
  await store.reconcile(PLACE, { hostId: 'host-a', connectionId: 'broker-a.1' }, [
    { sessionId: newSessionId(), epoch: 1, state: 'active' },
    { sessionId, epoch: 1, state: 'active' },
  ]);
  await store.reserve(PLACE, [], 0, BROKER);
  await store.expireSessions(PLACE, 10, BROKER);
  await store.forgetEnded(PLACE, 10);
  await store.findSilent(PLACE, -1_000, 10);
  for (const order of ['suspect', 'missing', 'lost'] as const) {
    const { beatAtMs } = await hostOf(store, 'host-b');
    await store.orderSilent(PLACE, [{ hostId: 'host-b', beatAtMs, order }], BROKER);
  }
  await store.recount(PLACE, null);
  for (const hostId of ['host-c', null]) {
    await store.setClosure(PLACE, hostId, 'cordoned');
    await store.setClosure(PLACE, hostId, 'open');
  }
  await store.closureOf(PLACE, null);
  await useOrders(store);
  await store.takeMail(PLACE, 'broker-b');
  await store.endpoints(PLACE, ['host-a']);
  await store.utilisation(PLACE);
  await store.removeHost(PLACE, 'host-a', 'broker-a.1');
  const claims = Array.from({ length: 40 }, (_, i) => ({
    playerId: `player-${i}`,
    requestId: 'request-1',
    sessionId: newSessionId(),
    place: PLACE,
  }));
  await useQueue(store);
  await store.claim(claims);
  await store.moveClaim(claims[0]!);
  await store.reclaim(claims[0]!, 1);
  await store.settleEpoch(claims[0]!, await store.drawEpoch(claims[0]!, 1));
  await store.forgetClaim('player-1', 'request-1');
  await store.spend('player-1', 'token-1', 1_000);
  await store.holdLease(PLACE.region, BROKER, 1_000);
  await store.releaseLease(PLACE.region, BROKER);
}

async function useOrders(store: FleetStore): Promise<void> {
  const target = { region: PLACE.region, pool: null, hostId: null };
  const orderedAtMs = await store.clockMs();
  const order = { target, mode: 'wait' as const, atDeadline: 'end' as const, orderedBy: 'ops' };
  const times = { orderedAtMs, deadlineAtMs: orderedAtMs + 1_000, finishedAtMs: null };
  const drain = { drainId: 'drain-1', state: 'running' as const, ...order, ...times };
  await store.swapDrain(null, drain);
  await store.listDrains(PLACE.region);
  await store.noteOutcomes(drain, new Map([['session-1', 'left' as const]]));
  await store.outcomes(drain);
  await store.audit({ operatorId: 'ops', from: '', action: 'drain', target, details: '', result: 'ok' });
  await store.auditTrail(1);
}

async function useQueue(store: FleetStore): Promise<void> {
  const free = (await store.listHosts(PLACE)).reduce((sum, host) => sum + host.slots - host.committed, 0);
  for (let i = 0; i < free; i += 1) await place(store);
  const { sessionId } = (await store.hostSessions(PLACE, 'host-c'))[0]!;
  const waiting = Array.from({ length: 3 }, () => ({
    ...reservation(newSessionId()),
    arrivedAtMs: null,
    headStartMs: 0,
    missed: false,
  }));
  await store.enqueue(PLACE, waiting, 10, BROKER);
  await store.release(PLACE, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
  const ids = waiting.map((placement) => placement.sessionId);
  const { placements } = await store.queueStatus(PLACE, ids, true);
  const offered = ids[placements.findIndex(({ kind }) => kind === 'session')]!;
  const order = { sessionId: offered, fromEpoch: 1, toEpoch: 2, clientBrokerId: BROKER };
  await store.accept(PLACE, order, 1_000);
  await store.withdraw(PLACE, [{ sessionId: offered, belowEpoch: 3 }], BROKER);
  await store.withdraw(PLACE, [{ sessionId: ids.find((id) => id !== offered)!, belowEpoch: 0 }], BROKER);
  await store.findMissed(PLACE, 10);
  await store.noteMissed(PLACE, ids);
  await store.expireOffers(PLACE, ids, BROKER);
  await store.expireQueue(PLACE, 0, 10, BROKER);
}

function seenCommand([name = '', ...args]: readonly string[]): Seen {
  const lower = name.toLowerCase();
  const isScript = lower === 'eval' || lower === 'evalsha';
  const keys = isScript ? args.slice(2, 2 + Number(args[1])) : args.slice(0, KEYLESS.has(lower) ? 0 : 1);
  return { name: lower, keys, inner: [] };
}

describe('keys', function () {
  // A cluster may have to be started first.
  this.timeout(30_000);

  it('of one command hash to one slot, and scripts touch only what they declare', async () => {
    const server = await startRedisServer();
    const asking = new Redis(server.url);
    const monitor = await asking.monitor();
    asking.disconnect();
    const seen: Seen[] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') seen.push(seenCommand(args));
      else seen.at(-1)?.inner.push({ name: args[0]!.toLowerCase(), key: args[1] });
    });
    try {
      const store = await createRedisStore({
        target: { kind: 'single', url: server.url },
        suspectAfterMs: SUSPECT_AFTER_MS,
      });
      await useEveryVerb(store);
      await store.releaseLease('last', BROKER);
      await retryUntilSuccess(() => Promise.resolve(expect(seen.at(-1)?.keys[0]).to.contain('{last}')));
      await store.close();
    } finally {
      monitor.disconnect();
      await server.stop();
    }

    const scripts = seen.filter((command) => command.inner.length > 0);
    expect(scripts.length).to.be.above(25);
    for (const { keys, inner } of scripts) {
      for (const { name, key } of inner) if (!KEYLESS.has(name)) expect(keys).to.include(key);
    }
    await expectOneSlotEach(seen.map((command) => command.keys).filter((keys) => keys.length > 1));
  });

  it('are taken from KEYS alone in every Lua file', () => {
    const files = readdirSync(LUA);
    expect(files).to.have.length.above(20);
    for (const file of files) {
      const text = readFileSync(new URL(file, LUA), 'utf8').replaceAll(/--.*$/gm, '');
      for (const [call, key] of text.matchAll(/(?:redis\.p?call|call_with|load_fields)\(([^\n]*)/g)) {
        const declared =
          /^('TIME'\)|'PUBLISH', |('\w+'|command), (KEYS\[[^\]]+\]|key)|KEYS\[\d+\], |key, ids)/.test(
            key ?? '',
          );
        expect(declared, `${file}: ${call}`).to.equal(true);
      }
    }
  });
});

async function expectOneSlotEach(calls: readonly (readonly string[])[]): Promise<void> {
  const { nodes } = await sharedRedisCluster();
  const node = new Redis(nodes[0]!.port, '127.0.0.1');
  try {
    for (const keys of calls) {
      const slots = new Set(await Promise.all(keys.map((key) => node.cluster('KEYSLOT', key))));
      expect([...slots], keys.join(' ')).to.have.length(1);
    }
  } finally {
    node.disconnect();
  }
}
