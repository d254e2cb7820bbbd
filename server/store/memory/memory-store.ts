import { regionPoolName, type RegionPool } from '../../domain/catalog.js';
import type { FleetStore } from '../fleet-store.js';
import type { OrderBook } from '../order-book.js';
import { DEFAULT_OFFER_MS, DEFAULT_RESUME_WINDOW_MS, type StoreOptions } from '../store-options.js';
import { ClaimBook } from './claims.js';
import { Checkpoints } from './checkpoints.js';
import { forward } from './forward.js';
import * as hosts from './hosts.js';
import * as moves from './moves.js';
import { createMemoryOrders } from './orders.js';
import { PlaceState } from './place-state.js';
import { serve } from './placements.js';
import * as queueSweeps from './queue-sweeps.js';
import * as queue from './queue.js';
import { reconcile } from './reconcile.js';
import { findDue, viewPlace } from './region-watch.js';
import * as sessions from './sessions.js';
import { SpentTokens } from './spent-tokens.js';
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
  readonly #places = new Map<string, PlaceState>();
  readonly #claims = new ClaimBook();
  readonly #orders: OrderBook;
  readonly #spent = new SpentTokens();
  readonly #checkpoints = new Checkpoints();
  readonly #leases = new Map<string, { holder: string; untilMs: number }>();
  readonly #listeners = new Map<string, (place: RegionPool) => void>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#now = options.clock ?? Date.now;
    this.#orders = createMemoryOrders(this.#now);
  }

  /** The state of one place: for the model test, which compares it with Redis. */
  placeState(place: RegionPool): PlaceState {
    const name = regionPoolName(place);
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const { suspectAfterMs, offerMs, resumeWindowMs } = this.#options;
    const fresh = new PlaceState({
      now: this.#now,
      suspectAfterMs,
      offerMs: offerMs ?? DEFAULT_OFFER_MS,
      resumeWindowMs: resumeWindowMs ?? DEFAULT_RESUME_WINDOW_MS,
      nudge: (brokerId) => this.nudge(brokerId, place),
    });
    this.#places.set(name, fresh);
    return fresh;
  }

  /** Runs a step that may free a slot or make a host ready, and offers what is free to those who wait. */
  #serving<T>(place: RegionPool, step: (state: PlaceState, nowMs: number) => T): T {
    const state = this.placeState(place);
    const nowMs = this.#now();
    const answer = step(state, nowMs);
    serve(state, nowMs);
    return answer;
  }

  registerHost: FleetStore['registerHost'] = async (place, host) =>
    this.#serving(place, (state, nowMs) => hosts.registerHost(state, host, nowMs));

  beat: FleetStore['beat'] = async (place, beats) =>
    this.#serving(place, (state, nowMs) => beats.map((report) => hosts.beat(state, report, nowMs)));

  reconcile: FleetStore['reconcile'] = async (place, host, reported) =>
    this.#serving(place, (state, nowMs) => reconcile(state, host, reported, nowMs));

  removeHost: FleetStore['removeHost'] = async (place, hostId, connectionId) =>
    this.#serving(place, (state, nowMs) => hosts.removeHost(state, hostId, connectionId, nowMs));

  claim: FleetStore['claim'] = async (claims) => {
    const nowMs = this.#now();
    return claims.map((claim) => this.#claims.claim(claim, nowMs));
  };

  reclaim: FleetStore['reclaim'] = async (claim, fromEpoch) =>
    this.#claims.reclaim(claim, fromEpoch, this.#now());

  drawEpoch: FleetStore['drawEpoch'] = async (claim, aboveEpoch) =>
    this.#claims.drawEpoch(claim, aboveEpoch, this.#now());

  settleEpoch: FleetStore['settleEpoch'] = async (claim, drawn) =>
    this.#claims.settleEpoch(claim, drawn, this.#now());

  moveClaim: FleetStore['moveClaim'] = async (claim) => this.#claims.move(claim);

  forgetClaim: FleetStore['forgetClaim'] = async (playerId, requestId) =>
    this.#claims.forget(playerId, requestId);

  spend: FleetStore['spend'] = async (playerId, tokenId, ttlMs) =>
    this.#spent.spend(playerId, tokenId, ttlMs, this.#now());

  reserve: FleetStore['reserve'] = async (place, reservations, ttlMs, callerId) => {
    const state = this.placeState(place);
    const context = { nowMs: this.#now(), ttlMs, othersWait: state.line.length > 0, callerId };
    const outcomes = reservations.map((wanted) => sessions.reserve(state, wanted, context));
    return { outcomes, utilisation: { sessions: state.liveSessions, slots: state.readySlots } };
  };

  enqueue: FleetStore['enqueue'] = async (place, placements, maxLength) =>
    queue.enqueue(this.placeState(place), placements, maxLength, this.#now());

  queueStatus: FleetStore['queueStatus'] = async (place, sessionIds, attended) =>
    queue.queueStatus(this.placeState(place), sessionIds, attended, this.#now());

  accept: FleetStore['accept'] = async (place, offer, ttlMs) =>
    queue.accept(this.placeState(place), offer, ttlMs, this.#now());

  withdraw: FleetStore['withdraw'] = async (place, withdrawals, callerId) =>
    this.#serving(place, (state, nowMs) => queue.withdraw(state, withdrawals, nowMs, callerId));

  findMissed: FleetStore['findMissed'] = async (place, limit) =>
    queueSweeps.findMissed(this.placeState(place), limit, this.#now());

  noteMissed: FleetStore['noteMissed'] = async (place, sessionIds) =>
    queueSweeps.noteMissed(this.placeState(place), sessionIds);

  expireOffers: FleetStore['expireOffers'] = async (place, sessionIds, callerId) =>
    this.#serving(place, (state, nowMs) => queueSweeps.expireOffers(state, sessionIds, nowMs, callerId));

  expireQueue: FleetStore['expireQueue'] = async (place, graceMs, limit, callerId) =>
    this.#serving(place, (state, nowMs) => queueSweeps.expireQueue(state, graceMs, limit, nowMs, callerId));

  transition: FleetStore['transition'] = async (place, changes, callerId) =>
    changes.map((change) => sessions.transition(this.placeState(place), change, callerId));

  release: FleetStore['release'] = async (place, releases, callerId) =>
    this.#serving(place, (state, nowMs) =>
      releases.map((order) => sessions.release(state, order, nowMs, callerId)),
    );

  attach: FleetStore['attach'] = async (place, sessionId, clientBrokerId) =>
    sessions.attach(this.placeState(place), sessionId, clientBrokerId);

  restore: FleetStore['restore'] = async (place, wanted) =>
    wanted.map((session) => sessions.restore(this.placeState(place), session));

  hostSessions: FleetStore['hostSessions'] = async (place, hostId) => {
    const state = this.placeState(place);
    const host = state.hosts.get(hostId);
    return host === undefined ? [] : state.sessionsOf(host);
  };

  getSessions: FleetStore['getSessions'] = async (place, sessionIds) =>
    sessionIds.map((id) => this.placeState(place).sessions.get(id) ?? null);

  expireSessions: FleetStore['expireSessions'] = async (place, limit, callerId) =>
    this.#serving(place, (state, nowMs) => sweeps.expireSessions(state, limit, nowMs, callerId));

  forgetEnded: FleetStore['forgetEnded'] = async (place, limit) =>
    sweeps.forgetEnded(this.placeState(place), limit, this.#now());

  findSilent: FleetStore['findSilent'] = async (place, silentForMs, limit) =>
    sweeps.findSilent(this.placeState(place), silentForMs, limit, this.#now());

  orderSilent: FleetStore['orderSilent'] = async (place, orders, callerId) =>
    this.#serving(place, (state, nowMs) => sweeps.orderSilent(state, orders, nowMs, callerId));

  recount: FleetStore['recount'] = async (place) => this.#serving(place, (state) => sweeps.recount(state));

  setClosure: FleetStore['setClosure'] = async (place, hostId, closure, before) => {
    if (before !== undefined && (await this.closureOf(place, hostId)) !== before) return;
    this.#serving(place, (state, nowMs) => hosts.setClosure(state, hostId, closure, nowMs));
  };

  closureOf: FleetStore['closureOf'] = async (place, hostId) => {
    const state = this.placeState(place);
    return hostId === null ? state.closure : (state.hostClosures.get(hostId) ?? 'open');
  };

  utilisation: FleetStore['utilisation'] = async (place) => {
    const { liveSessions, readySlots } = this.placeState(place);
    return { sessions: liveSessions, slots: readySlots };
  };

  listHosts: FleetStore['listHosts'] = async (place) => hosts.listHosts(this.placeState(place));

  endpoints: FleetStore['endpoints'] = async (place, hostIds) =>
    hostIds.map((hostId) => {
      const host = this.placeState(place).hosts.get(hostId);
      return host === undefined ? null : { connectionId: host.connectionId, endpoint: host.endpoint };
    });

  viewRegion: FleetStore['viewRegion'] = async (region, pools, brokerId) => ({
    drains: await this.listDrains(region),
    places: pools.map((pool) => viewPlace(this.placeState({ region, pool }), brokerId)),
  });

  findDue: FleetStore['findDue'] = async (region, pools, times) => {
    const nowMs = this.#now();
    return pools.map((pool) => findDue(this.placeState({ region, pool }), times, nowMs));
  };

  clockMs: FleetStore['clockMs'] = () => this.#orders.clockMs();
  listDrains: FleetStore['listDrains'] = (region) => this.#orders.listDrains(region);
  swapDrain: FleetStore['swapDrain'] = (before, after) => this.#orders.swapDrain(before, after);
  noteOutcomes: FleetStore['noteOutcomes'] = (drain, outcomes) => this.#orders.noteOutcomes(drain, outcomes);
  outcomes: FleetStore['outcomes'] = (drain) => this.#orders.outcomes(drain);
  noteMove: FleetStore['noteMove'] = (entry) => this.#orders.noteMove(entry);
  moves: FleetStore['moves'] = (region, limit) => this.#orders.moves(region, limit);
  audit: FleetStore['audit'] = (entry) => this.#orders.audit(entry);
  auditTrail: FleetStore['auditTrail'] = (limit) => this.#orders.auditTrail(limit);

  hold: FleetStore['hold'] = async (place, arrival, wish, ttlMs) =>
    moves.hold(this.placeState(place), arrival, wish, ttlMs, this.#now());

  arrive: FleetStore['arrive'] = async (place, report, ttlMs, callerId) =>
    this.#serving(place, (state, nowMs) => moves.arrive(state, report, ttlMs, nowMs, callerId));

  dropArrival: FleetStore['dropArrival'] = async (place, sessionId, epoch, callerId) =>
    this.#serving(place, (state, nowMs) => moves.dropArrival(state, sessionId, epoch, nowMs, callerId));

  putCheckpoint: FleetStore['putCheckpoint'] = async (place, sessionId, epoch, handedOver) =>
    this.#checkpoints.put(place, sessionId, epoch, handedOver, this.#now());

  takeCheckpoint: FleetStore['takeCheckpoint'] = async (place, sessionId, epoch) =>
    this.#checkpoints.take(place, sessionId, epoch, this.#now());

  noteMovable: FleetStore['noteMovable'] = async (place, notes) =>
    moves.noteMovable(this.placeState(place), notes);

  scanSessions: FleetStore['scanSessions'] = async (place, cursor, count) =>
    moves.scanSessions(this.placeState(place), cursor, count);

  listWaiting: FleetStore['listWaiting'] = async (place, limit) =>
    moves.listWaiting(this.placeState(place), limit);

  tell: FleetStore['tell'] = async (place, brokerId, body) =>
    this.placeState(place).letters.post(brokerId, { kind: 'word', body }, this.#now());

  forward: FleetStore['forward'] = async (place, letters, callerId) => {
    const nowMs = this.#now();
    return letters.map((letter) => forward(this.placeState(place), letter, nowMs, callerId));
  };

  takeLetters: FleetStore['takeLetters'] = async (place, brokerId) =>
    this.placeState(place).letters.take(brokerId);

  takeMail: FleetStore['takeMail'] = async (place, brokerId) => {
    const state = this.placeState(place);
    const letters = [...(state.mail.get(brokerId)?.letters ?? [])];
    state.mail.delete(brokerId);
    return letters.flatMap((sessionId) => state.sessions.get(sessionId) ?? []);
  };

  nudge: FleetStore['nudge'] = (brokerId, place) => {
    setImmediate(() => this.#listeners.get(brokerId)?.(place));
  };

  onNudge: FleetStore['onNudge'] = async (brokerId, listener) => {
    this.#listeners.set(brokerId, listener);
  };

  holdLease: FleetStore['holdLease'] = async (region, holder, ttlMs) => {
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
