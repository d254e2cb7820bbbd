import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../domain/catalog.js';
import { STORED_STATES, statesLeadingTo, type StoredState } from '../../domain/session-state.js';
import { REVOCABLE_REASONS, type FleetStore } from '../fleet-store.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { OrderBook } from '../order-book.js';
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
import { createLetters, type Letters } from './letters.js';
import { createNudges, type Nudges } from './nudges.js';
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
  decodeAccept,
  decodeBeats,
  decodeChanges,
  decodeEnqueue,
  decodeQueue,
  decodeReconciliation,
  decodeReleases,
  decodeReserve,
  decodeSilence,
} from './replies.js';
import type { MoveDesk } from '../move-desk.js';
import { createMoves } from './moves.js';
import { createOrders } from './orders.js';
import type { RegionWatch } from '../region-watch.js';
import { createRegionWatch } from './region-watch.js';
import { createRequests, type Requests } from './requests.js';
import { createScriptRunner, toStoreError, type PlaceScript, type RunScript } from './scripts.js';

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
  const nudges = createNudges({ redis, subscriber, openSubscriber: open, keys, timeouts });
  return new RedisStore(redis, keys, nudges, options);
}

class RedisStore implements FleetStore {
  readonly kind = 'redis';
  readonly #redis: Redis | Cluster;
  readonly #keys: KeySpace;
  readonly #nudges: Nudges;
  readonly #run: RunScript;
  readonly #options: StoreOptions;
  readonly #requests: Requests;
  readonly #letters: Letters;
  readonly #orders: OrderBook;
  readonly #moves: MoveDesk;
  readonly #watch: RegionWatch;

  constructor(redis: Redis | Cluster, keys: KeySpace, nudges: Nudges, options: StoreOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#nudges = nudges;
    this.#run = createScriptRunner(redis, {
      suspectAfterMs: options.suspectAfterMs,
      offerMs: options.offerMs ?? DEFAULT_OFFER_MS,
      resumeWindowMs: options.resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
      nudgesPrefix: keys.nudgesPrefix,
    });
    this.#options = options;
    this.#requests = createRequests(this.#run, keys, () => this.#clock());
    this.#orders = createOrders({
      redis,
      keys,
      run: this.#run,
      clock: () => this.#clock(),
      command: (command) => this.#command(command),
    });
    this.#moves = createMoves({
      redis,
      keys,
      run: (...script) => this.#inPlace(...script),
      command: (command) => this.#command(command),
    });
    this.#letters = createLetters((...script) => this.#inPlace(...script));
    this.#watch = createRegionWatch({ run: this.#run, keys, clock: () => this.#clock() });
  }

  registerHost: FleetStore['registerHost'] = async (place, { hostId, connectionId, slots, endpoint }) => {
    await this.#inPlace('register-host', place, '', [hostId, connectionId, slots, endpoint]);
  };

  beat: FleetStore['beat'] = (place, beats) =>
    inBatches(beats, async (batch) => {
      const args = batch.flatMap((beat) => [beat.hostId, beat.connectionId, beat.measured, beat.digest]);
      return decodeBeats(await this.#inPlace('beat', place, '', args));
    });

  reconcile: FleetStore['reconcile'] = async (place, { hostId, connectionId }, sessions) => {
    const reported = sessions.flatMap(({ sessionId, epoch, state }) => [sessionId, epoch, state]);
    const caller = brokerIdOf(connectionId);
    const args = [hostId, connectionId, REVOCABLE, ...reported];
    return decodeReconciliation(await this.#inPlace('reconcile', place, caller, args));
  };

  removeHost: FleetStore['removeHost'] = async (place, hostId, connectionId) =>
    decodeEnded(await this.#inPlace('remove-host', place, brokerIdOf(connectionId), [hostId, connectionId]));

  claim: FleetStore['claim'] = (claims) => this.#requests.claim(claims);
  reclaim: FleetStore['reclaim'] = (claim, fromEpoch) => this.#requests.reclaim(claim, fromEpoch);
  drawEpoch: FleetStore['drawEpoch'] = (claim, aboveEpoch) => this.#requests.drawEpoch(claim, aboveEpoch);
  settleEpoch: FleetStore['settleEpoch'] = (claim, drawn) => this.#requests.settleEpoch(claim, drawn);
  moveClaim: FleetStore['moveClaim'] = (claim) => this.#requests.moveClaim(claim);
  forgetClaim: FleetStore['forgetClaim'] = (playerId, requestId) =>
    this.#requests.forgetClaim(playerId, requestId);

  spend: FleetStore['spend'] = async (playerId, tokenId, ttlMs) => {
    const key = this.#keys.spent(playerId, tokenId);
    return (await this.#command(() => this.#redis.set(key, '1', 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK';
  };

  reserve: FleetStore['reserve'] = async (place, reservations, ttlMs, callerId) => {
    const replies = await Promise.all(
      inGroups(reservations, MAX_BATCH).map(async (batch) => {
        const args: Argument[] = [ttlMs, namesTwice(batch)];
        for (const { sessionId, epoch, clientBrokerId, meta } of batch) {
          args.push(sessionId, `${epoch}|${clientBrokerId}|${encodeMeta(meta)}`);
        }
        const reply = await this.#inPlace('reserve', place, callerId, args);
        return decodeReserve(batch.map(sessionIdOf), reply);
      }),
    );
    const utilisation = replies.at(-1)?.utilisation ?? (await this.utilisation(place));
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
      return decodeEnqueue(ids, await this.#inPlace('enqueue', place, callerId, [maxLength, ...args]));
    });

  queueStatus: FleetStore['queueStatus'] = async (place, sessionIds, attended) => {
    const groups = sessionIds.length === 0 ? [[]] : inGroups(sessionIds, MAX_BATCH);
    const reports = await Promise.all(
      groups.map(async (ids) =>
        decodeQueue(ids, await this.#inPlace('queue-status', place, '', [attended ? 1 : 0, ...ids])),
      ),
    );
    const { length, freedPerMs } = reports.at(-1) ?? { length: 0, freedPerMs: null };
    return { placements: reports.flatMap((report) => report.placements), length, freedPerMs };
  };

  accept: FleetStore['accept'] = async (place, { sessionId, fromEpoch, toEpoch, clientBrokerId }, ttlMs) => {
    const args = [sessionId, fromEpoch, toEpoch, ttlMs];
    return decodeAccept(sessionId, await this.#inPlace('accept', place, clientBrokerId, args));
  };

  withdraw: FleetStore['withdraw'] = async (place, withdrawals, callerId) =>
    inBatches(withdrawals, async (batch) => {
      const args = batch.flatMap(({ sessionId, belowEpoch }) => [sessionId, belowEpoch]);
      return decodeEnded(await this.#inPlace('withdraw', place, callerId, [REVOCABLE, ...args]));
    });

  findMissed: FleetStore['findMissed'] = async (place, limit) =>
    texts(await this.#inPlace('find-missed', place, '', [limit]));

  noteMissed: FleetStore['noteMissed'] = async (place, sessionIds) => {
    await inBatches(sessionIds, async (batch) => {
      await this.#inPlace('note-missed', place, '', batch);
      return [];
    });
  };

  expireOffers: FleetStore['expireOffers'] = (place, sessionIds, callerId) =>
    inBatches(sessionIds, async (batch) =>
      decodeEnded(await this.#inPlace('expire-offers', place, callerId, batch)),
    );

  expireQueue: FleetStore['expireQueue'] = async (place, graceMs, limit, callerId) =>
    decodeEnded(await this.#inPlace('expire-queue', place, callerId, [graceMs, limit]));

  transition: FleetStore['transition'] = (place, changes, callerId) =>
    inBatches(changes, async (batch) => {
      const args: Argument[] = [];
      for (const { sessionId, epoch, hostId, to } of batch) {
        args.push(sessionId, epoch, hostId, to, SOURCES_LIST[to]);
      }
      const ids = batch.map((change) => change.sessionId);
      return decodeChanges(ids, await this.#inPlace('transition', place, callerId, args));
    });

  release: FleetStore['release'] = (place, releases, callerId) =>
    inBatches(releases, async (batch) => {
      const args: Argument[] = [namesTwice(batch)];
      for (const { sessionId, epoch, reason, hostId = '' } of batch) {
        args.push(sessionId, epoch, `${reason}|${hostId}`);
      }
      const reply = await this.#inPlace('release', place, callerId, args);
      return decodeReleases(batch.map(sessionIdOf), reply);
    });

  attach: FleetStore['attach'] = async (place, sessionId, clientBrokerId) => {
    const record = await this.#inPlace('attach', place, '', [sessionId, clientBrokerId]);
    return typeof record === 'string' ? decodeSession(sessionId, record) : null;
  };

  restore: FleetStore['restore'] = (place, sessions) =>
    inBatches(sessions, async (batch) => {
      const args = batch.flatMap(({ sessionId, epoch, clientBrokerId, meta }) => [
        sessionId,
        epoch,
        clientBrokerId,
        encodeMeta(meta),
      ]);
      const reply = texts(await this.#inPlace('restore', place, '', args));
      return batch.map(({ sessionId }, i) => {
        const field = reply[i] ?? '?';
        return field === '?' ? null : decodeSession(sessionId, field.slice(1));
      });
    });

  hostSessions: FleetStore['hostSessions'] = async (place, hostId) => {
    const reply = texts(await this.#inPlace('host-sessions', place, '', [hostId]));
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
    decodeEnded(await this.#inPlace('expire-sessions', place, callerId, [limit]));

  forgetEnded: FleetStore['forgetEnded'] = async (place, limit) =>
    Number(await this.#inPlace('forget-ended', place, '', [limit]));

  findSilent: FleetStore['findSilent'] = async (place, silentForMs, limit) =>
    decodeSilence(await this.#inPlace('find-silent', place, '', [silentForMs, limit]));

  orderSilent: FleetStore['orderSilent'] = async (place, orders, callerId) => {
    const args = orders.flatMap(({ hostId, beatAtMs, order }) => [hostId, beatAtMs, order]);
    return decodeEnded(await this.#inPlace('order-silent', place, callerId, args));
  };

  recount: FleetStore['recount'] = async (place, cursor) => {
    const reply = await this.#inPlace('recount', place, '', [cursor ?? '0', RECOUNT_HOSTS]);
    const [next, repaired] = reply as [unknown, unknown];
    return { next: next === '0' ? null : String(next), repaired: texts(repaired).sort() };
  };

  setClosure: FleetStore['setClosure'] = async (place, hostId, closure, before) => {
    await this.#inPlace('close', place, '', [hostId ?? '', closure, before ?? '']);
  };

  closureOf: FleetStore['closureOf'] = async (place, hostId) => {
    const field = hostId === null ? 'closure' : `closed/${hostId}`;
    return decodeClosure(await this.#command(() => this.#redis.hget(this.#key(place, 8), field)));
  };

  utilisation: FleetStore['utilisation'] = async (place) => {
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

  endpoints: FleetStore['endpoints'] = async (place, hostIds) => {
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

  viewRegion: FleetStore['viewRegion'] = (...args) => this.#watch.viewRegion(...args);
  findDue: FleetStore['findDue'] = (...args) => this.#watch.findDue(...args);

  clockMs: FleetStore['clockMs'] = () => this.#orders.clockMs();
  listDrains: FleetStore['listDrains'] = (region) => this.#orders.listDrains(region);
  swapDrain: FleetStore['swapDrain'] = (before, after) => this.#orders.swapDrain(before, after);
  noteOutcomes: FleetStore['noteOutcomes'] = (drain, outcomes) => this.#orders.noteOutcomes(drain, outcomes);
  outcomes: FleetStore['outcomes'] = (drain) => this.#orders.outcomes(drain);
  noteMove: FleetStore['noteMove'] = (entry) => this.#orders.noteMove(entry);
  moves: FleetStore['moves'] = (region, limit) => this.#orders.moves(region, limit);
  audit: FleetStore['audit'] = (entry) => this.#orders.audit(entry);
  auditTrail: FleetStore['auditTrail'] = (limit) => this.#orders.auditTrail(limit);

  hold: FleetStore['hold'] = (...args) => this.#moves.hold(...args);
  arrive: FleetStore['arrive'] = (...args) => this.#moves.arrive(...args);
  dropArrival: FleetStore['dropArrival'] = (...args) => this.#moves.dropArrival(...args);
  putCheckpoint: FleetStore['putCheckpoint'] = (...args) => this.#moves.putCheckpoint(...args);
  takeCheckpoint: FleetStore['takeCheckpoint'] = (...args) => this.#moves.takeCheckpoint(...args);
  noteMovable: FleetStore['noteMovable'] = (...args) => this.#moves.noteMovable(...args);
  scanSessions: FleetStore['scanSessions'] = (...args) => this.#moves.scanSessions(...args);
  listWaiting: FleetStore['listWaiting'] = (place, limit) => this.#moves.listWaiting(place, limit);
  tell: FleetStore['tell'] = (...args) => this.#moves.tell(...args);

  forward: FleetStore['forward'] = (place, letters, callerId) =>
    this.#letters.forward(place, letters, callerId);
  takeLetters: FleetStore['takeLetters'] = (place, brokerId) => this.#letters.takeLetters(place, brokerId);

  takeMail: FleetStore['takeMail'] = async (place, brokerId) => {
    const reply = texts(await this.#inPlace('take-mail', place, brokerId, []));
    return inGroups(reply, 2).map(([sessionId = '', record = '']) => decodeSession(sessionId, record));
  };

  nudge: FleetStore['nudge'] = (brokerId, place) => this.#nudges.send(brokerId, place);

  onNudge: FleetStore['onNudge'] = async (brokerId, listener) => {
    await this.#command(() => this.#nudges.listen(brokerId, listener));
  };

  holdLease: FleetStore['holdLease'] = async (region, holder, ttlMs) =>
    (await this.#run('hold-lease', [this.#keys.lease(region)], [this.#clock(), holder, ttlMs])) === 1;

  releaseLease: FleetStore['releaseLease'] = async (region, holder) => {
    await this.#run('release-lease', [this.#keys.lease(region)], [holder]);
  };

  ping: FleetStore['ping'] = async () => {
    await this.#command(() => this.#redis.ping());
  };

  close: FleetStore['close'] = async () => {
    this.#nudges.close();
    endConnection(this.#redis);
    await Promise.resolve();
  };

  #inPlace(
    name: PlaceScript,
    place: RegionPool,
    callerId: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#run(name, this.#keys.place(place), [this.#clock(), callerId, ...args]);
  }

  /** What time scripts are told it is: nothing, unless a test says so. */
  #clock(): number | '' {
    return this.#options.clock?.() ?? '';
  }

  #key(place: RegionPool, index: number): string {
    const key = this.#keys.place(place)[index];
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
function namesTwice(batch: readonly { readonly sessionId: string }[]): 0 | 1 {
  return new Set(batch.map(sessionIdOf)).size < batch.length ? 1 : 0;
}

/** Runs a list in calls of bounded size, one after the other on the wire, and joins what they give. */
async function inBatches<T, R>(list: readonly T[], run: (batch: readonly T[]) => Promise<R[]>): Promise<R[]> {
  return (await Promise.all(inGroups(list, MAX_BATCH).map(run))).flat();
}
