import { addMs, toStoreMs } from '@duskline/server/domain/store-time.js';
import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { Redis } from 'ioredis';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { REGION_POOL, newSessionId, reservation } from '../../support/fleet/fleet-data.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { sharedRedisCluster, startSingleNodeCluster } from '../../support/redis/redis-cluster.js';
import {
  BROKER,
  SUSPECT_AFTER_MS,
  getHost,
  getUtilisation,
  makeHostReady,
  reserveSlot,
  startSession,
} from '../fixture.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';

const LUA = new URL('../../../../server/store/redis/lua/', import.meta.url);

/** Commands of the store without a key. */
const KEYLESS = new Set(['time', 'ping', 'info', 'publish', 'subscribe', 'script', 'hello', 'client']);

interface SeenCommand {
  readonly name: string;
  readonly keys: readonly string[];
  /** Commands that the script ran, if this is a script. */
  readonly inner: { readonly name: string; readonly key: string | undefined }[];
}

/** Calls every method at least once, with enough data that each script writes all keys that it can write. */
async function useEveryVerb(store: FleetStore): Promise<void> {
  for (const hostId of ['host-a', 'host-b', 'host-c']) await makeHostReady(store, hostId);
  const held = await startSession(store, { clientBrokerId: 'broker-b' });
  const { sessionId } = await reserveSlot(store);
  await store.setClientBroker(REGION_POOL, sessionId, 'broker-c');
  await store.restoreSessions(REGION_POOL, [reservation(sessionId)]);
  const message = { sessionId: held.sessionId, epoch: 1, body: '"word"' };
  await store.relayMessages(
    REGION_POOL,
    [
      { ...message, fromHostId: null },
      { ...message, fromHostId: held.hostId },
    ],
    'broker-d',
  );
  for (const broker of [BROKER, 'broker-b']) await store.takeMessages(REGION_POOL, broker);
  await store.listHostSessions(REGION_POOL, held.hostId);
  await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'operator' }], 'broker-d');
  await store.reconcileHost(REGION_POOL, { hostId: 'host-a', connectionId: 'broker-a.1' }, [
    { sessionId: newSessionId(), epoch: 1, state: 'active' },
    { sessionId, epoch: 1, state: 'active' },
  ]);
  await store.reserve(REGION_POOL, [], 0, BROKER);
  await store.expireSessions(REGION_POOL, 10, BROKER);
  await store.deleteEndedSessions(REGION_POOL, 10);
  await store.findSilentHosts(REGION_POOL, -1_000, 10);
  for (const order of ['suspect', 'missing', 'lost'] as const) {
    const { heartbeatAtMs } = await getHost(store, 'host-b');
    await store.markSilentHosts(REGION_POOL, [{ hostId: 'host-b', heartbeatAtMs, order }], BROKER);
  }
  await store.recountHosts(REGION_POOL, null);
  for (const hostId of ['host-c', null]) {
    await store.addClosure(REGION_POOL, hostId, 'cordoned');
    await store.removeClosure(REGION_POOL, hostId, 'cordoned');
  }
  await store.getClosures(REGION_POOL, null);
  await store.recordEnds(
    REGION_POOL,
    [{ sessionId: newSessionId(), epoch: 1, hostId: 'host-a', reason: 'client_left' }],
    BROKER,
  );
  await store.recordHostFailure(REGION_POOL, 'host-a', 'unanswered', toStoreMs(0));
  await store.failReservation(
    REGION_POOL,
    { hostId: 'host-a', sessionId: newSessionId(), epoch: 1, reason: 'refused' },
    BROKER,
  );
  await useDrains(store);
  await store.takeChangedSessions(REGION_POOL, 'broker-b');
  await store.getEndpoints(REGION_POOL, ['host-a']);
  await getUtilisation(store, REGION_POOL);
  await store.removeHost(REGION_POOL, 'host-a', 'broker-a.1');
  const claims = Array.from({ length: 40 }, (_, i) => ({
    playerId: `player-${i}`,
    requestId: 'request-1',
    sessionId: newSessionId(),
    regionPool: REGION_POOL,
  }));
  await useQueue(store);
  await store.recordRequests(claims);
  await store.findRequests(claims);
  await store.setRequestPool(claims[0]!);
  await store.startAttempt(claims[0]!, 1);
  await store.commitEpoch(claims[0]!, await store.allocateEpoch(claims[0]!, 1));
  await store.deleteRequest('player-1', 'request-1');
  const [, , resumed, replaced] = claims;
  await store.resumeLiveRequest({ ...resumed!, requestId: 'request-2' }, { ...resumed!, epoch: 1 }, true);
  await store.replaceLiveRequest({ ...replaced!, requestId: 'request-2' }, null);
  await store.clearLiveRequests(claims.map((claim) => ({ ...claim, epoch: 1 })));
  await store.useToken('player-1', 'token-1', 1_000);
  await store.acquireLease(REGION_POOL.region, BROKER, 1_000);
  await store.releaseLease(REGION_POOL.region, BROKER);
}

async function useDrains(store: FleetStore): Promise<void> {
  const target = { region: REGION_POOL.region, pool: null, hostId: null };
  const orderedAtMs = await store.getTimeMs();
  const order = { target, mode: 'wait' as const, atDeadline: 'end' as const, orderedBy: 'ops' };
  const times = { orderedAtMs, deadlineAtMs: addMs(orderedAtMs, 1_000), finishedAtMs: null };
  const drain = { drainId: 'drain-1', state: 'running' as const, ...order, ...times };
  await store.compareAndSetDrain(null, drain);
  await store.listDrains(REGION_POOL.region);
  await store.recordDrainOutcomes(drain, new Map([['session-1', 'left' as const]]));
  await store.getDrainOutcomes(drain);
  await store.recordAuditEntry({
    operatorId: 'ops',
    from: '',
    action: 'drain',
    target,
    details: '',
    result: 'ok',
  });
  await store.listAuditEntries(1);
}

async function useQueue(store: FleetStore): Promise<void> {
  const free = (await store.listHosts(REGION_POOL)).reduce(
    (sum, host) => sum + host.slots - host.committed,
    0,
  );
  for (let i = 0; i < free; i += 1) await reserveSlot(store);
  const { sessionId } = (await store.listHostSessions(REGION_POOL, 'host-c'))[0]!;
  const waiting = Array.from({ length: 3 }, () => ({
    ...reservation(newSessionId()),
    arrivedAtMs: null,
    headStartMs: 0,
    missed: false,
  }));
  await store.enqueue(REGION_POOL, waiting, 10, BROKER);
  await store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'client_left' }], BROKER);
  const ids = waiting.map((entry) => entry.sessionId);
  const { entries } = await store.getQueueStatus(REGION_POOL, ids, true);
  const offered = ids[entries.findIndex(({ kind }) => kind === 'session')]!;
  const order = { sessionId: offered, fromEpoch: 1, toEpoch: 2, clientBrokerId: BROKER };
  await store.acceptOffer(REGION_POOL, order, 1_000);
  await store.withdrawEntries(REGION_POOL, [{ sessionId: offered, belowEpoch: 3 }], BROKER);
  await store.withdrawEntries(
    REGION_POOL,
    [{ sessionId: ids.find((id) => id !== offered)!, belowEpoch: 0 }],
    BROKER,
  );
  await store.scanQueue(REGION_POOL, null, 10);
  await store.findExpiredOffers(REGION_POOL, 10);
  await store.recordMissedOffers(REGION_POOL, ids);
  await store.expireOffers(REGION_POOL, ids, BROKER);
  await store.expireUnattendedEntries(REGION_POOL, 0, 10, BROKER);
}

function seenCommand([name = '', ...args]: readonly string[]): SeenCommand {
  const lower = name.toLowerCase();
  const isScript = lower === 'eval' || lower === 'evalsha';
  const keys = isScript ? args.slice(2, 2 + Number(args[1])) : args.slice(0, KEYLESS.has(lower) ? 0 : 1);
  return { name: lower, keys, inner: [] };
}

describe('Redis keys', function () {
  // A cluster may have to be started first.
  this.timeout(30_000);

  it('of one command hash to one cluster slot, and scripts use only the keys they declare', async () => {
    // A store that is refused across slots puts only players of one slot into a call, as on a cluster.
    const server = await startSingleNodeCluster();
    const asking = new Redis(server.url);
    const monitor = await asking.monitor();
    asking.disconnect();
    const seen: SeenCommand[] = [];
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

  it('are read from KEYS alone in every Lua file', () => {
    const files = readdirSync(LUA, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.lua'),
    );
    expect(files).to.have.length.above(20);
    for (const file of files) {
      const text = readFileSync(new URL(file, LUA), 'utf8').replaceAll(/--.*$/gm, '');
      for (const [call, key] of text.matchAll(/(?:redis\.p?call|call_with_values|load_fields)\(([^\n]*)/g)) {
        const declared =
          /^('TIME'\)|'PUBLISH', |('\w+'|command), ((\w+_key|key)\b|\w+_keys\[i\])|\w+_key, |key, ids)/.test(
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
