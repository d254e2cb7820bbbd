import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { FleetStore } from '../fleet-store.js';
import { DEFAULT_OFFER_MS, DEFAULT_RESUME_WINDOW_MS, type StoreOptions } from '../store-options.js';
import { RequestRecords } from './requests/request-records.js';
import { Checkpoints } from './moves/checkpoints.js';
import { relayMessage } from './inbox/relay-message.js';
import * as hosts from './hosts/hosts.js';
import * as moves from './moves/moves.js';
import { createMemoryDrains } from './drains/drains.js';
import { PoolState } from './pool-state.js';
import { offerFreeSlots } from './sessions/slot-allocation.js';
import * as queueSweeps from './queue/queue-sweeps.js';
import * as queue from './queue/queue.js';
import { reconcileHost } from './hosts/reconcile-host.js';
import { findDueSweeps, getPoolOverview } from './region-overview.js';
import * as sessions from './sessions/sessions.js';
import { UsedTokens } from './requests/used-tokens.js';
import * as sweeps from './sweeps.js';

/**
 * A store in this process: the embedded default, the simulator's, and the model that the Redis store is
 * compared with. Brokers share it only when they share the process; nothing survives a restart.
 */
export function createMemoryStore(options: StoreOptions): MemoryStore {
  return new MemoryStore(options);
}

export class MemoryStore implements FleetStore {
  readonly kind = 'memory';
  readonly #options: StoreOptions;
  readonly #now: () => number;
  readonly #pools = new Map<string, PoolState>();
  readonly #requestRecords = new RequestRecords();
  readonly #drains: ReturnType<typeof createMemoryDrains>;
  readonly #usedTokens = new UsedTokens();
  readonly #checkpoints = new Checkpoints();
  readonly #leases = new Map<string, { holder: string; untilMs: number }>();
  readonly #listeners = new Map<string, (place: RegionPool) => void>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#now = options.clock ?? Date.now;
    this.#drains = createMemoryDrains(this.#now);
  }

  /** The state of one place: for the model test, which compares it with Redis. */
  poolState(place: RegionPool): PoolState {
    const name = regionPoolName(place);
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const { suspectAfterMs, offerMs, resumeWindowMs } = this.#options;
    const fresh = new PoolState({
      now: this.#now,
      suspectAfterMs,
      offerMs: offerMs ?? DEFAULT_OFFER_MS,
      resumeWindowMs: resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
      sendWakeUp: (brokerId) => this.sendWakeUp(brokerId, place),
    });
    this.#pools.set(name, fresh);
    return fresh;
  }

  /** Runs a step that may free a slot or make a host ready, and offers what is free to those who wait. */
  #runAndOfferSlots<T>(place: RegionPool, step: (state: PoolState, nowMs: number) => T): T {
    const state = this.poolState(place);
    const nowMs = this.#now();
    const answer = step(state, nowMs);
    offerFreeSlots(state, nowMs);
    return answer;
  }

  registerHost: FleetStore['registerHost'] = async (place, host) =>
    this.#runAndOfferSlots(place, (state, nowMs) => hosts.registerHost(state, host, nowMs));

  recordHeartbeats: FleetStore['recordHeartbeats'] = async (place, beats) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      beats.map((report) => hosts.recordHeartbeat(state, report, nowMs)),
    );

  reconcileHost: FleetStore['reconcileHost'] = async (place, host, reported) =>
    this.#runAndOfferSlots(place, (state, nowMs) => reconcileHost(state, host, reported, nowMs));

  removeHost: FleetStore['removeHost'] = async (place, hostId, connectionId) =>
    this.#runAndOfferSlots(place, (state, nowMs) => hosts.removeHost(state, hostId, connectionId, nowMs));

  recordRequests: FleetStore['recordRequests'] = async (claims) => {
    const nowMs = this.#now();
    return claims.map((claim) => this.#requestRecords.record(claim, nowMs));
  };

  startAttempt: FleetStore['startAttempt'] = async (claim, fromEpoch) =>
    this.#requestRecords.startAttempt(claim, fromEpoch, this.#now());

  allocateEpoch: FleetStore['allocateEpoch'] = async (claim, aboveEpoch) =>
    this.#requestRecords.allocateEpoch(claim, aboveEpoch, this.#now());

  commitEpoch: FleetStore['commitEpoch'] = async (claim, drawn) =>
    this.#requestRecords.commitEpoch(claim, drawn, this.#now());

  setRequestPool: FleetStore['setRequestPool'] = async (claim) => this.#requestRecords.setPool(claim);

  deleteRequest: FleetStore['deleteRequest'] = async (playerId, requestId) =>
    this.#requestRecords.delete(playerId, requestId);

  useToken: FleetStore['useToken'] = async (playerId, tokenId, ttlMs) =>
    this.#usedTokens.use(playerId, tokenId, ttlMs, this.#now());

  reserve: FleetStore['reserve'] = async (place, reservations, ttlMs, callerId) => {
    const state = this.poolState(place);
    const context = { nowMs: this.#now(), ttlMs, othersWait: state.waitingQueue.length > 0, callerId };
    const outcomes = reservations.map((wanted) => sessions.reserve(state, wanted, context));
    return { outcomes, utilisation: { sessions: state.liveSessions, slots: state.readySlots } };
  };

  enqueue: FleetStore['enqueue'] = async (place, placements, maxLength) =>
    queue.enqueue(this.poolState(place), placements, maxLength, this.#now());

  getQueueStatus: FleetStore['getQueueStatus'] = async (place, sessionIds, attended) =>
    queue.getQueueStatus(this.poolState(place), sessionIds, attended, this.#now());

  acceptOffer: FleetStore['acceptOffer'] = async (place, offer, ttlMs) =>
    queue.acceptOffer(this.poolState(place), offer, ttlMs, this.#now());

  withdrawPlacements: FleetStore['withdrawPlacements'] = async (place, withdrawals, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      queue.withdrawPlacements(state, withdrawals, nowMs, callerId),
    );

  findExpiredOffers: FleetStore['findExpiredOffers'] = async (place, limit) =>
    queueSweeps.findExpiredOffers(this.poolState(place), limit, this.#now());

  recordMissedOffers: FleetStore['recordMissedOffers'] = async (place, sessionIds) =>
    queueSweeps.recordMissedOffers(this.poolState(place), sessionIds);

  expireOffers: FleetStore['expireOffers'] = async (place, sessionIds, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      queueSweeps.expireOffers(state, sessionIds, nowMs, callerId),
    );

  expireUnattendedPlacements: FleetStore['expireUnattendedPlacements'] = async (
    place,
    graceMs,
    limit,
    callerId,
  ) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      queueSweeps.expireUnattendedPlacements(state, graceMs, limit, nowMs, callerId),
    );

  updateSessionStates: FleetStore['updateSessionStates'] = async (place, changes, callerId) =>
    changes.map((change) => sessions.updateSessionState(this.poolState(place), change, callerId));

  endSessions: FleetStore['endSessions'] = async (place, releases, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      releases.map((order) => sessions.endSession(state, order, nowMs, callerId)),
    );

  setClientBroker: FleetStore['setClientBroker'] = async (place, sessionId, clientBrokerId) =>
    sessions.setClientBroker(this.poolState(place), sessionId, clientBrokerId);

  restoreSessions: FleetStore['restoreSessions'] = async (place, wanted) =>
    wanted.map((session) => sessions.restoreSession(this.poolState(place), session));

  listHostSessions: FleetStore['listHostSessions'] = async (place, hostId) => {
    const state = this.poolState(place);
    const host = state.hosts.get(hostId);
    return host === undefined ? [] : state.listHostSessions(host);
  };

  getSessions: FleetStore['getSessions'] = async (place, sessionIds) =>
    sessionIds.map((id) => this.poolState(place).sessions.get(id) ?? null);

  expireSessions: FleetStore['expireSessions'] = async (place, limit, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) => sweeps.expireSessions(state, limit, nowMs, callerId));

  deleteEndedSessions: FleetStore['deleteEndedSessions'] = async (place, limit) =>
    sweeps.deleteEndedSessions(this.poolState(place), limit, this.#now());

  findSilentHosts: FleetStore['findSilentHosts'] = async (place, silentForMs, limit) =>
    sweeps.findSilentHosts(this.poolState(place), silentForMs, limit, this.#now());

  markSilentHosts: FleetStore['markSilentHosts'] = async (place, orders, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) => sweeps.markSilentHosts(state, orders, nowMs, callerId));

  recountHosts: FleetStore['recountHosts'] = async (place) =>
    this.#runAndOfferSlots(place, (state) => sweeps.recountHosts(state));

  setClosure: FleetStore['setClosure'] = async (place, hostId, closure, before) => {
    if (before !== undefined && (await this.getClosure(place, hostId)) !== before) return;
    this.#runAndOfferSlots(place, (state, nowMs) => hosts.setClosure(state, hostId, closure, nowMs));
  };

  getClosure: FleetStore['getClosure'] = async (place, hostId) => {
    const state = this.poolState(place);
    return hostId === null ? state.closure : (state.hostClosures.get(hostId) ?? 'open');
  };

  listHosts: FleetStore['listHosts'] = async (place) => hosts.listHosts(this.poolState(place));

  getEndpoints: FleetStore['getEndpoints'] = async (place, hostIds) =>
    hostIds.map((hostId) => {
      const host = this.poolState(place).hosts.get(hostId);
      return host === undefined ? null : { connectionId: host.connectionId, endpoint: host.endpoint };
    });

  getRegionOverview: FleetStore['getRegionOverview'] = async (region, pools, brokerId) => ({
    drains: await this.listDrains(region),
    regionPools: pools.map((pool) => getPoolOverview(this.poolState({ region, pool }), brokerId)),
  });

  findDueSweeps: FleetStore['findDueSweeps'] = async (region, pools, times) => {
    const nowMs = this.#now();
    return pools.map((pool) => findDueSweeps(this.poolState({ region, pool }), times, nowMs));
  };

  getTimeMs: FleetStore['getTimeMs'] = async () => this.#now();
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

  reserveTargetSlot: FleetStore['reserveTargetSlot'] = async (place, arrival, wish, ttlMs) =>
    moves.reserveTargetSlot(this.poolState(place), arrival, wish, ttlMs, this.#now());

  completeMove: FleetStore['completeMove'] = async (place, report, ttlMs, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      moves.completeMove(state, report, ttlMs, nowMs, callerId),
    );

  releaseTargetSlot: FleetStore['releaseTargetSlot'] = async (place, sessionId, epoch, callerId) =>
    this.#runAndOfferSlots(place, (state, nowMs) =>
      moves.releaseTargetSlot(state, sessionId, epoch, nowMs, callerId),
    );

  putCheckpoint: FleetStore['putCheckpoint'] = async (place, sessionId, epoch, handedOver) =>
    this.#checkpoints.put(place, sessionId, epoch, handedOver, this.#now());

  takeCheckpoint: FleetStore['takeCheckpoint'] = async (place, sessionId, epoch) =>
    this.#checkpoints.take(place, sessionId, epoch, this.#now());

  recordMovableChanges: FleetStore['recordMovableChanges'] = async (place, notes) =>
    moves.recordMovableChanges(this.poolState(place), notes);

  scanSessions: FleetStore['scanSessions'] = async (place, cursor, count) =>
    moves.scanSessions(this.poolState(place), cursor, count);

  listWaitingPlacements: FleetStore['listWaitingPlacements'] = async (place, limit) =>
    moves.listWaitingPlacements(this.poolState(place), limit);

  sendControlMessage: FleetStore['sendControlMessage'] = async (place, brokerId, body) =>
    this.poolState(place).inboxes.add(brokerId, { kind: 'control', body }, this.#now());

  relayMessages: FleetStore['relayMessages'] = async (place, letters, callerId) => {
    const nowMs = this.#now();
    return letters.map((letter) => relayMessage(this.poolState(place), letter, nowMs, callerId));
  };

  takeMessages: FleetStore['takeMessages'] = async (place, brokerId) =>
    this.poolState(place).inboxes.takeAll(brokerId);

  takeChangedSessions: FleetStore['takeChangedSessions'] = async (place, brokerId) => {
    const state = this.poolState(place);
    const letters = [...(state.changedSessions.get(brokerId)?.sessionIds ?? [])];
    state.changedSessions.delete(brokerId);
    return letters.flatMap((sessionId) => state.sessions.get(sessionId) ?? []);
  };

  sendWakeUp: FleetStore['sendWakeUp'] = (brokerId, place) => {
    setImmediate(() => this.#listeners.get(brokerId)?.(place));
  };

  onWakeUp: FleetStore['onWakeUp'] = async (brokerId, listener) => {
    this.#listeners.set(brokerId, listener);
  };

  acquireLease: FleetStore['acquireLease'] = async (region, holder, ttlMs) => {
    const nowMs = this.#now();
    const lease = this.#leases.get(region);
    if (lease !== undefined && lease.holder !== holder && lease.untilMs > nowMs) return false;
    this.#leases.set(region, { holder, untilMs: nowMs + ttlMs });
    return true;
  };

  releaseLease: FleetStore['releaseLease'] = async (region, holder) => {
    if (this.#leases.get(region)?.holder === holder) this.#leases.delete(region);
  };

  ping: FleetStore['ping'] = async () => undefined;

  close: FleetStore['close'] = async () => this.#listeners.clear();
}
