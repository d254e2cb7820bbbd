import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import { STORED_STATES, statesLeadingTo, type StoredState } from '../../domain/session-state.js';
import { REVOCABLE_REASONS, type FleetStore } from '../fleet-store.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { DrainStore } from '../contracts/drains.js';
import { DEFAULT_OFFER_MS, DEFAULT_RESUME_WINDOW_MS, type StoreOptions } from '../store-options.js';
import {
  DEFAULT_REDIS_TIMEOUTS,
  connect,
  createConnection,
  endConnection,
  type RedisTarget,
  type RedisTimeouts,
} from './connection.js';
import { createKeySpace, type KeySpace } from './keys.js';
import { createInbox, type Inbox } from './inbox.js';
import { createWakeUps, type WakeUps } from './wake-ups.js';
import {
  decodeClosure,
  decodeEnded,
  decodeHost,
  decodeSession,
  encodeMeta,
  inGroups,
  texts,
} from './records.js';
import {
  decodeAcceptOffer,
  decodeHeartbeats,
  decodeStateChanges,
  decodeEnqueue,
  decodeQueueStatus,
  decodeReconciliation,
  decodeEndSessions,
  decodeReserve,
  decodeSilentHosts,
} from './replies.js';
import type { MoveStore } from '../contracts/moves.js';
import { createMoves } from './moves.js';
import { createDrains } from './drains.js';
import type { RegionOverviewStore } from '../contracts/region-overview.js';
import { createRegionOverview } from './region-overview.js';
import { createRequests, type Requests } from './requests.js';
import { createScriptRunner, toStoreError, type PoolScript, type RunScript } from './scripts.js';

export interface RedisStoreOptions extends StoreOptions {
  readonly target: RedisTarget;
  /** Stands before every key; `duskline` when absent. */
  readonly prefix?: string;
  /** Hears of connection trouble; the store goes on by itself. */
  readonly onError?: (error: Error) => void;
  /** `DEFAULT_REDIS_TIMEOUTS` for those that are absent. */
  readonly timeouts?: Partial<RedisTimeouts>;
}

/** One script call works on at most this many sessions or hosts: bounds how long Redis serves nobody else. */
const MAX_BATCH = 256;

/** Hosts that one call of `recount` looks at. */
const RECOUNT_HOSTS = 50;

/** As scripts look through them: with a comma around each. */
const SOURCES_LIST = Object.fromEntries(
  STORED_STATES.map((to) => [to, `,${statesLeadingTo(to).join(',')},`]),
) as Readonly<Record<StoredState, string>>;
const REVOCABLE = REVOCABLE_REASONS.map((reason) => `${reason},`).join('');

/** What a script is given, beside its keys. */
type Argument = string | number;

/** Connects to Redis. Rejects with `StoreUnavailableError` when it cannot be reached. */
export async function createRedisStore(options: RedisStoreOptions): Promise<FleetStore> {
  const onError = options.onError ?? (() => undefined);
  const timeouts = { ...DEFAULT_REDIS_TIMEOUTS, ...options.timeouts };
  const open = (): Redis | Cluster => {
    const connection = createConnection(options.target, timeouts);
    connection.on('error', onError);
    return connection;
  };
  const redis = open();
  const subscriber = open();
  const opened = await Promise.allSettled([
    connect(redis, timeouts.startMs),
    connect(subscriber, timeouts.startMs),
  ]);
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    endConnection(redis);
    endConnection(subscriber);
    throw failed.reason;
  }
  const keys = createKeySpace(options.prefix ?? 'duskline');
  const nudges = createWakeUps({ redis, subscriber, openSubscriber: open, keys, timeouts });
  return new RedisStore(redis, keys, nudges, options);
}

class RedisStore implements FleetStore {
  readonly kind = 'redis';
  readonly #redis: Redis | Cluster;
  readonly #keys: KeySpace;
  readonly #wakeUps: WakeUps;
  readonly #run: RunScript;
  readonly #options: StoreOptions;
  readonly #requests: Requests;
  readonly #inbox: Inbox;
  readonly #drains: DrainStore;
  readonly #moves: MoveStore;
  readonly #regionOverview: RegionOverviewStore;

  constructor(redis: Redis | Cluster, keys: KeySpace, nudges: WakeUps, options: StoreOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#wakeUps = nudges;
    this.#run = createScriptRunner(redis, {
      suspectAfterMs: options.suspectAfterMs,
      offerMs: options.offerMs ?? DEFAULT_OFFER_MS,
      resumeWindowMs: options.resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
      wakeUpsPrefix: keys.wakeUpsPrefix,
    });
    this.#options = options;
    this.#requests = createRequests(this.#run, keys, () => this.#clock());
    this.#drains = createDrains({
      redis,
      keys,
      run: this.#run,
      clock: () => this.#clock(),
      command: (command) => this.#command(command),
    });
    this.#moves = createMoves({
      redis,
      keys,
      run: (...script) => this.#runInPool(...script),
      command: (command) => this.#command(command),
    });
    this.#inbox = createInbox((...script) => this.#runInPool(...script));
    this.#regionOverview = createRegionOverview({ run: this.#run, keys, clock: () => this.#clock() });
  }

  registerHost: FleetStore['registerHost'] = async (place, { hostId, connectionId, slots, endpoint }) => {
    await this.#runInPool('hosts/register-host', place, '', [hostId, connectionId, slots, endpoint]);
  };

  recordHeartbeats: FleetStore['recordHeartbeats'] = (place, beats) =>
    inBatches(beats, async (batch) => {
      const args = batch.flatMap((beat) => [beat.hostId, beat.connectionId, beat.measured, beat.digest]);
      return decodeHeartbeats(await this.#runInPool('hosts/record-heartbeats', place, '', args));
    });

  reconcileHost: FleetStore['reconcileHost'] = async (place, { hostId, connectionId }, sessions) => {
    const reported = sessions.flatMap(({ sessionId, epoch, state }) => [sessionId, epoch, state]);
    const caller = brokerIdOf(connectionId);
    const args = [hostId, connectionId, REVOCABLE, ...reported];
    return decodeReconciliation(await this.#runInPool('hosts/reconcile-host', place, caller, args));
  };

  removeHost: FleetStore['removeHost'] = async (place, hostId, connectionId) =>
    decodeEnded(
      await this.#runInPool('hosts/remove-host', place, brokerIdOf(connectionId), [hostId, connectionId]),
    );

  recordRequests: FleetStore['recordRequests'] = (claims) => this.#requests.recordRequests(claims);
  startAttempt: FleetStore['startAttempt'] = (claim, fromEpoch) =>
    this.#requests.startAttempt(claim, fromEpoch);
  allocateEpoch: FleetStore['allocateEpoch'] = (claim, aboveEpoch) =>
    this.#requests.allocateEpoch(claim, aboveEpoch);
  commitEpoch: FleetStore['commitEpoch'] = (claim, drawn) => this.#requests.commitEpoch(claim, drawn);
  setRequestPool: FleetStore['setRequestPool'] = (claim) => this.#requests.setRequestPool(claim);
  deleteRequest: FleetStore['deleteRequest'] = (playerId, requestId) =>
    this.#requests.deleteRequest(playerId, requestId);

  useToken: FleetStore['useToken'] = async (playerId, tokenId, ttlMs) => {
    const key = this.#keys.usedToken(playerId, tokenId);
    return (await this.#command(() => this.#redis.set(key, '1', 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK';
  };

  reserve: FleetStore['reserve'] = async (place, reservations, ttlMs, callerId) => {
    const replies = await Promise.all(
      inGroups(reservations, MAX_BATCH).map(async (batch) => {
        const args: Argument[] = [ttlMs, hasDuplicates(batch)];
        for (const { sessionId, epoch, clientBrokerId, meta } of batch) {
          args.push(sessionId, `${epoch}|${clientBrokerId}|${encodeMeta(meta)}`);
        }
        const reply = await this.#runInPool('sessions/reserve', place, callerId, args);
        return decodeReserve(batch.map(sessionIdOf), reply);
      }),
    );
    const utilisation = replies.at(-1)?.utilisation ?? (await this.getUtilisation(place));
    return { outcomes: replies.flatMap((reply) => reply.outcomes), utilisation };
  };

  enqueue: FleetStore['enqueue'] = (place, placements, maxLength, callerId) =>
    inBatches(placements, async (batch) => {
      const args = batch.flatMap(
        ({ sessionId, epoch, arrivedAtMs, headStartMs, missed, clientBrokerId, meta }) => [
          sessionId,
          epoch,
          arrivedAtMs ?? '',
          headStartMs,
          missed ? 1 : 0,
          clientBrokerId,
          encodeMeta(meta),
        ],
      );
      const ids = batch.map((placement) => placement.sessionId);
      return decodeEnqueue(
        ids,
        await this.#runInPool('queue/enqueue', place, callerId, [maxLength, ...args]),
      );
    });

  getQueueStatus: FleetStore['getQueueStatus'] = async (place, sessionIds, attended) => {
    const groups = sessionIds.length === 0 ? [[]] : inGroups(sessionIds, MAX_BATCH);
    const reports = await Promise.all(
      groups.map(async (ids) =>
        decodeQueueStatus(
          ids,
          await this.#runInPool('queue/get-queue-status', place, '', [attended ? 1 : 0, ...ids]),
        ),
      ),
    );
    const { length, freedPerMs } = reports.at(-1) ?? { length: 0, freedPerMs: null };
    return { placements: reports.flatMap((report) => report.placements), length, freedPerMs };
  };

  acceptOffer: FleetStore['acceptOffer'] = async (
    place,
    { sessionId, fromEpoch, toEpoch, clientBrokerId },
    ttlMs,
  ) => {
    const args = [sessionId, fromEpoch, toEpoch, ttlMs];
    return decodeAcceptOffer(
      sessionId,
      await this.#runInPool('queue/accept-offer', place, clientBrokerId, args),
    );
  };

  withdrawPlacements: FleetStore['withdrawPlacements'] = async (place, withdrawals, callerId) =>
    inBatches(withdrawals, async (batch) => {
      const args = batch.flatMap(({ sessionId, belowEpoch }) => [sessionId, belowEpoch]);
      return decodeEnded(
        await this.#runInPool('queue/withdraw-placements', place, callerId, [REVOCABLE, ...args]),
      );
    });

  findExpiredOffers: FleetStore['findExpiredOffers'] = async (place, limit) =>
    texts(await this.#runInPool('queue/find-expired-offers', place, '', [limit]));

  recordMissedOffers: FleetStore['recordMissedOffers'] = async (place, sessionIds) => {
    await inBatches(sessionIds, async (batch) => {
      await this.#runInPool('queue/record-missed-offers', place, '', batch);
      return [];
    });
  };

  expireOffers: FleetStore['expireOffers'] = (place, sessionIds, callerId) =>
    inBatches(sessionIds, async (batch) =>
      decodeEnded(await this.#runInPool('queue/expire-offers', place, callerId, batch)),
    );

  expireUnattendedPlacements: FleetStore['expireUnattendedPlacements'] = async (
    place,
    graceMs,
    limit,
    callerId,
  ) =>
    decodeEnded(
      await this.#runInPool('queue/expire-unattended-placements', place, callerId, [graceMs, limit]),
    );

  updateSessionStates: FleetStore['updateSessionStates'] = (place, changes, callerId) =>
    inBatches(changes, async (batch) => {
      const args: Argument[] = [];
      for (const { sessionId, epoch, hostId, to } of batch) {
        args.push(sessionId, epoch, hostId, to, SOURCES_LIST[to]);
      }
      const ids = batch.map((change) => change.sessionId);
      return decodeStateChanges(
        ids,
        await this.#runInPool('sessions/update-session-states', place, callerId, args),
      );
    });

  endSessions: FleetStore['endSessions'] = (place, releases, callerId) =>
    inBatches(releases, async (batch) => {
      const args: Argument[] = [hasDuplicates(batch)];
      for (const { sessionId, epoch, reason, hostId = '' } of batch) {
        args.push(sessionId, epoch, `${reason}|${hostId}`);
      }
      const reply = await this.#runInPool('sessions/end-sessions', place, callerId, args);
      return decodeEndSessions(batch.map(sessionIdOf), reply);
    });

  setClientBroker: FleetStore['setClientBroker'] = async (place, sessionId, clientBrokerId) => {
    const record = await this.#runInPool('sessions/set-client-broker', place, '', [
      sessionId,
      clientBrokerId,
    ]);
    return typeof record === 'string' ? decodeSession(sessionId, record) : null;
  };

  restoreSessions: FleetStore['restoreSessions'] = (place, sessions) =>
    inBatches(sessions, async (batch) => {
      const args = batch.flatMap(({ sessionId, epoch, clientBrokerId, meta }) => [
        sessionId,
        epoch,
        clientBrokerId,
        encodeMeta(meta),
      ]);
      const reply = texts(await this.#runInPool('sessions/restore-sessions', place, '', args));
      return batch.map(({ sessionId }, i) => {
        const field = reply[i] ?? '?';
        return field === '?' ? null : decodeSession(sessionId, field.slice(1));
      });
    });

  listHostSessions: FleetStore['listHostSessions'] = async (place, hostId) => {
    const reply = texts(await this.#runInPool('sessions/list-host-sessions', place, '', [hostId]));
    return inGroups(reply, 2).map(([sessionId = '', record = '']) => decodeSession(sessionId, record));
  };

  getSessions: FleetStore['getSessions'] = async (place, sessionIds) => {
    if (sessionIds.length === 0) return [];
    const records = await this.#command(() => this.#redis.hmget(this.#key(place, 4), ...sessionIds));
    return sessionIds.map((id, i) => {
      const record = records[i];
      return typeof record === 'string' ? decodeSession(id, record) : null;
    });
  };

  expireSessions: FleetStore['expireSessions'] = async (place, limit, callerId) =>
    decodeEnded(await this.#runInPool('sessions/expire-sessions', place, callerId, [limit]));

  deleteEndedSessions: FleetStore['deleteEndedSessions'] = async (place, limit) =>
    Number(await this.#runInPool('sessions/delete-ended-sessions', place, '', [limit]));

  findSilentHosts: FleetStore['findSilentHosts'] = async (place, silentForMs, limit) =>
    decodeSilentHosts(await this.#runInPool('hosts/find-silent-hosts', place, '', [silentForMs, limit]));

  markSilentHosts: FleetStore['markSilentHosts'] = async (place, orders, callerId) => {
    const args = orders.flatMap(({ hostId, beatAtMs, order }) => [hostId, beatAtMs, order]);
    return decodeEnded(await this.#runInPool('hosts/mark-silent-hosts', place, callerId, args));
  };

  recountHosts: FleetStore['recountHosts'] = async (place, cursor) => {
    const reply = await this.#runInPool('hosts/recount-hosts', place, '', [cursor ?? '0', RECOUNT_HOSTS]);
    const [next, repaired] = reply as [unknown, unknown];
    return { next: next === '0' ? null : String(next), repaired: texts(repaired).sort() };
  };

  setClosure: FleetStore['setClosure'] = async (place, hostId, closure, before) => {
    await this.#runInPool('hosts/set-closure', place, '', [hostId ?? '', closure, before ?? '']);
  };

  getClosure: FleetStore['getClosure'] = async (place, hostId) => {
    const field = hostId === null ? 'closure' : `closed/${hostId}`;
    return decodeClosure(await this.#command(() => this.#redis.hget(this.#key(place, 8), field)));
  };

  getUtilisation: FleetStore['getUtilisation'] = async (place) => {
    const [sessions, slots] = await this.#command(() =>
      this.#redis.hmget(this.#key(place, 8), 'sessions', 'slots'),
    );
    return { sessions: Number(sessions ?? 0), slots: Number(slots ?? 0) };
  };

  listHosts: FleetStore['listHosts'] = async (place) => {
    const [hosts, info, totals] = await this.#command(() =>
      Promise.all([
        this.#redis.hgetallBuffer(this.#key(place, 0)),
        this.#redis.hgetall(this.#key(place, 1)),
        this.#redis.hgetall(this.#key(place, 8)),
      ]),
    );
    return Object.entries(hosts)
      .map(([hostId, text]) => {
        const { missingAtMs: _, digest: __, freeSlots: ___, closed: ____, ...host } = decodeHost(text);
        const closure = decodeClosure(totals[`closed/${hostId}`]);
        return { hostId, ...host, closure, endpoint: info[hostId] ?? '' };
      })
      .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
  };

  getEndpoints: FleetStore['getEndpoints'] = async (place, hostIds) => {
    if (hostIds.length === 0) return [];
    const [hosts, info] = await this.#command(() =>
      Promise.all([
        this.#redis.hmgetBuffer(this.#key(place, 0), ...hostIds),
        this.#redis.hmget(this.#key(place, 1), ...hostIds),
      ]),
    );
    return hostIds.map((_, i) => {
      const record = hosts[i];
      const endpoint = info[i];
      if (!Buffer.isBuffer(record) || typeof endpoint !== 'string') return null;
      return { connectionId: decodeHost(record).connectionId, endpoint };
    });
  };

  getRegionOverview: FleetStore['getRegionOverview'] = (...args) =>
    this.#regionOverview.getRegionOverview(...args);
  findDueSweeps: FleetStore['findDueSweeps'] = (...args) => this.#regionOverview.findDueSweeps(...args);

  getTimeMs: FleetStore['getTimeMs'] = () => this.#drains.getTimeMs();
  listDrains: FleetStore['listDrains'] = (region) => this.#drains.listDrains(region);
  compareAndSetDrain: FleetStore['compareAndSetDrain'] = (before, after) =>
    this.#drains.compareAndSetDrain(before, after);
  recordDrainOutcomes: FleetStore['recordDrainOutcomes'] = (drain, outcomes) =>
    this.#drains.recordDrainOutcomes(drain, outcomes);
  getDrainOutcomes: FleetStore['getDrainOutcomes'] = (drain) => this.#drains.getDrainOutcomes(drain);
  recordMove: FleetStore['recordMove'] = (entry) => this.#drains.recordMove(entry);
  listMoves: FleetStore['listMoves'] = (region, limit) => this.#drains.listMoves(region, limit);
  recordAuditEntry: FleetStore['recordAuditEntry'] = (entry) => this.#drains.recordAuditEntry(entry);
  listAuditEntries: FleetStore['listAuditEntries'] = (limit) => this.#drains.listAuditEntries(limit);

  reserveTargetSlot: FleetStore['reserveTargetSlot'] = (...args) => this.#moves.reserveTargetSlot(...args);
  completeMove: FleetStore['completeMove'] = (...args) => this.#moves.completeMove(...args);
  releaseTargetSlot: FleetStore['releaseTargetSlot'] = (...args) => this.#moves.releaseTargetSlot(...args);
  putCheckpoint: FleetStore['putCheckpoint'] = (...args) => this.#moves.putCheckpoint(...args);
  takeCheckpoint: FleetStore['takeCheckpoint'] = (...args) => this.#moves.takeCheckpoint(...args);
  recordMovableChanges: FleetStore['recordMovableChanges'] = (...args) =>
    this.#moves.recordMovableChanges(...args);
  scanSessions: FleetStore['scanSessions'] = (...args) => this.#moves.scanSessions(...args);
  listWaitingPlacements: FleetStore['listWaitingPlacements'] = (place, limit) =>
    this.#moves.listWaitingPlacements(place, limit);
  sendControlMessage: FleetStore['sendControlMessage'] = (...args) => this.#moves.sendControlMessage(...args);

  relayMessages: FleetStore['relayMessages'] = (place, letters, callerId) =>
    this.#inbox.relayMessages(place, letters, callerId);
  takeMessages: FleetStore['takeMessages'] = (place, brokerId) => this.#inbox.takeMessages(place, brokerId);

  takeChangedSessions: FleetStore['takeChangedSessions'] = async (place, brokerId) => {
    const reply = texts(await this.#runInPool('inbox/take-changed-sessions', place, brokerId, []));
    return inGroups(reply, 2).map(([sessionId = '', record = '']) => decodeSession(sessionId, record));
  };

  sendWakeUp: FleetStore['sendWakeUp'] = (brokerId, place) => this.#wakeUps.send(brokerId, place);

  onWakeUp: FleetStore['onWakeUp'] = async (brokerId, listener) => {
    await this.#command(() => this.#wakeUps.listen(brokerId, listener));
  };

  acquireLease: FleetStore['acquireLease'] = async (region, holder, ttlMs) =>
    (await this.#run('leases/acquire-lease', [this.#keys.lease(region)], [this.#clock(), holder, ttlMs])) ===
    1;

  releaseLease: FleetStore['releaseLease'] = async (region, holder) => {
    await this.#run('leases/release-lease', [this.#keys.lease(region)], [holder]);
  };

  ping: FleetStore['ping'] = async () => {
    await this.#command(() => this.#redis.ping());
  };

  close: FleetStore['close'] = async () => {
    this.#wakeUps.close();
    endConnection(this.#redis);
    await Promise.resolve();
  };

  #runInPool(
    name: PoolScript,
    place: RegionPool,
    callerId: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#run(name, this.#keys.pool(place), [this.#clock(), callerId, ...args]);
  }

  /** What time scripts are told it is: nothing, unless a test says so. */
  #clock(): number | '' {
    return this.#options.clock?.() ?? '';
  }

  #key(place: RegionPool, index: number): string {
    const key = this.#keys.pool(place)[index];
    if (key === undefined) throw new RangeError(`no key ${index}`);
    return key;
  }

  async #command<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw toStoreError(error);
    }
  }
}

function sessionIdOf({ sessionId }: { readonly sessionId: string }): string {
  return sessionId;
}

/** 1 when some session is named more than once: then a script remembers what it did, which costs time. */
function hasDuplicates(batch: readonly { readonly sessionId: string }[]): 0 | 1 {
  return new Set(batch.map(sessionIdOf)).size < batch.length ? 1 : 0;
}

/** Runs a list in calls of bounded size, one after the other on the wire, and joins what they give. */
async function inBatches<T, R>(list: readonly T[], run: (batch: readonly T[]) => Promise<R[]>): Promise<R[]> {
  return (await Promise.all(inGroups(list, MAX_BATCH).map(run))).flat();
}
