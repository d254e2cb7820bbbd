import { placeName, type Place } from '../../domain/catalog.js';
import type { FleetStore } from '../fleet-store.js';
import type { StoreOptions } from '../store-options.js';
import { ClaimBook } from './claims.js';
import { forward } from './forward.js';
import * as hosts from './hosts.js';
import { PlaceState } from './place-state.js';
import { reconcile } from './reconcile.js';
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
  readonly #spent = new SpentTokens();
  readonly #leases = new Map<string, { holder: string; untilMs: number }>();
  readonly #listeners = new Map<string, (place: Place) => void>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#now = options.clock ?? Date.now;
  }

  /** The state of one place: for the model test, which compares it with Redis. */
  placeState(place: Place): PlaceState {
    const name = placeName(place);
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const fresh = new PlaceState(this.#now);
    this.#places.set(name, fresh);
    return fresh;
  }

  registerHost: FleetStore['registerHost'] = async (place, host) =>
    hosts.registerHost(this.placeState(place), host, this.#now());

  beat: FleetStore['beat'] = async (place, beats) => {
    const nowMs = this.#now();
    return beats.map((report) => hosts.beat(this.placeState(place), report, nowMs));
  };

  reconcile: FleetStore['reconcile'] = async (place, host, reported) =>
    reconcile(this.placeState(place), host, reported, this.#now());

  removeHost: FleetStore['removeHost'] = async (place, hostId, connectionId) =>
    hosts.removeHost(this.placeState(place), hostId, connectionId, this.#now());

  claim: FleetStore['claim'] = async (claims) => {
    const nowMs = this.#now();
    return claims.map((claim) => this.#claims.claim(claim, nowMs));
  };

  reclaim: FleetStore['reclaim'] = async (claim, fromEpoch) =>
    this.#claims.reclaim(claim, fromEpoch, this.#now());

  moveClaim: FleetStore['moveClaim'] = async (claim) => this.#claims.move(claim);

  forgetClaim: FleetStore['forgetClaim'] = async (playerId, requestId) =>
    this.#claims.forget(playerId, requestId);

  spend: FleetStore['spend'] = async (playerId, tokenId, ttlMs) =>
    this.#spent.spend(playerId, tokenId, ttlMs, this.#now());

  reserve: FleetStore['reserve'] = async (place, reservations, ttlMs, callerId) => {
    const state = this.placeState(place);
    const context = { nowMs: this.#now(), ttlMs, suspectAfterMs: this.#options.suspectAfterMs, callerId };
    const outcomes = reservations.map((wanted) => sessions.reserve(state, wanted, context));
    return { outcomes, utilisation: { sessions: state.liveSessions, slots: state.readySlots } };
  };

  enqueue: FleetStore['enqueue'] = () => Promise.reject(new Error('not yet'));
  queueStatus: FleetStore['queueStatus'] = () => Promise.reject(new Error('not yet'));
  accept: FleetStore['accept'] = () => Promise.reject(new Error('not yet'));
  withdraw: FleetStore['withdraw'] = () => Promise.reject(new Error('not yet'));
  expireQueue: FleetStore['expireQueue'] = () => Promise.reject(new Error('not yet'));

  transition: FleetStore['transition'] = async (place, changes, callerId) =>
    changes.map((change) => sessions.transition(this.placeState(place), change, callerId));

  release: FleetStore['release'] = async (place, releases, callerId) => {
    const nowMs = this.#now();
    return releases.map((order) => sessions.release(this.placeState(place), order, nowMs, callerId));
  };

  attach: FleetStore['attach'] = async (place, sessionId, clientBrokerId) =>
    sessions.attach(this.placeState(place), sessionId, clientBrokerId);

  hostSessions: FleetStore['hostSessions'] = async (place, hostId) => {
    const state = this.placeState(place);
    const ids = [...(state.hosts.get(hostId)?.sessions ?? [])].sort();
    return ids.flatMap((id) => state.sessions.get(id) ?? []);
  };

  getSessions: FleetStore['getSessions'] = async (place, sessionIds) =>
    sessionIds.map((id) => this.placeState(place).sessions.get(id) ?? null);

  expireSessions: FleetStore['expireSessions'] = async (place, limit, callerId) =>
    sweeps.expireSessions(this.placeState(place), limit, this.#now(), callerId);

  forgetEnded: FleetStore['forgetEnded'] = async (place, limit) =>
    sweeps.forgetEnded(this.placeState(place), limit, this.#now());

  findSilent: FleetStore['findSilent'] = async (place, silentForMs, limit) =>
    sweeps.findSilent(this.placeState(place), silentForMs, limit, this.#now());

  orderSilent: FleetStore['orderSilent'] = async (place, orders, callerId) =>
    sweeps.orderSilent(this.placeState(place), orders, this.#now(), callerId);

  recount: FleetStore['recount'] = async (place) => sweeps.recount(this.placeState(place));

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
