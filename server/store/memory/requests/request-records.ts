import type { RegionPool } from '../../../domain/catalog.js';
import {
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  type RequestEntry,
  type RecordRequestOutcome,
  type AllocatedEpoch,
} from '../../fleet-store.js';

interface StoredRequest {
  readonly requestId: string;
  readonly sessionId: string;
  readonly place: RegionPool;
  readonly epoch: number;
  /** The highest that was drawn for an attempt to move it; 0 for none. */
  readonly drawnEpoch: number;
  readonly claimedAtMs: number;
}

interface PlayerRequests {
  /** Newest first. */
  requests: StoredRequest[];
  expiresAtMs: number;
}

/** The requests that players made, by player. */
export class RequestRecords {
  readonly #players = new Map<string, PlayerRequests>();

  record(claim: RequestEntry, nowMs: number): RecordRequestOutcome {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.requests.find((noted) => noted.requestId === claim.requestId);
    if (known !== undefined) {
      const { sessionId, epoch, place, claimedAtMs } = known;
      return { kind: 'repeat', record: { sessionId, epoch, place, ageMs: nowMs - claimedAtMs } };
    }
    const [newest] = player.requests;
    this.#insert(player, claim, 1, 0, nowMs);
    if (newest === undefined) return { kind: 'new' };
    const { claimedAtMs, drawnEpoch: _, ...previous } = newest;
    return { kind: 'new', previous: { ...previous, ageMs: nowMs - claimedAtMs } };
  }

  startAttempt(claim: RequestEntry, fromEpoch: number, nowMs: number): number | null {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.requests.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#insert(player, claim, fromEpoch + 1, 0, nowMs);
      return fromEpoch + 1;
    }
    if (known.epoch !== fromEpoch) return null;
    const epoch = Math.max(fromEpoch, known.drawnEpoch) + 1;
    this.#replaceEpoch(player, known, claim, epoch, nowMs);
    return epoch;
  }

  allocateEpoch(claim: RequestEntry, aboveEpoch: number, nowMs: number): AllocatedEpoch {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.requests.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#insert(player, claim, aboveEpoch, aboveEpoch + 1, nowMs);
      return { epoch: aboveEpoch + 1, fromEpoch: aboveEpoch };
    }
    const drawnEpoch = Math.max(aboveEpoch, known.epoch, known.drawnEpoch) + 1;
    player.requests = player.requests.map((noted) => (noted === known ? { ...known, drawnEpoch } : noted));
    return { epoch: drawnEpoch, fromEpoch: known.epoch };
  }

  commitEpoch(claim: RequestEntry, { epoch, fromEpoch }: AllocatedEpoch, nowMs: number): boolean {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.requests.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#insert(player, claim, epoch, 0, nowMs);
      return true;
    }
    if (known.epoch !== fromEpoch) {
      const { region, pool } = known.place;
      return known.epoch === epoch && region === claim.place.region && pool === claim.place.pool;
    }
    this.#replaceEpoch(player, known, claim, epoch, nowMs);
    return true;
  }

  setPool({ playerId, requestId, sessionId, place }: RequestEntry): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.requests = player.requests.map((noted) =>
      noted.requestId === requestId && noted.sessionId === sessionId ? { ...noted, place } : noted,
    );
  }

  delete(playerId: string, requestId: string): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.requests = player.requests.filter((noted) => noted.requestId !== requestId);
    if (player.requests.length === 0) this.#players.delete(playerId);
  }

  #player(playerId: string, nowMs: number): PlayerRequests {
    const known = this.#players.get(playerId);
    if (known !== undefined && known.expiresAtMs > nowMs) return known;
    this.#deleteExpired(nowMs);
    return { requests: [], expiresAtMs: 0 };
  }

  /** Gives a request another epoch, and makes it the newest. */
  #replaceEpoch(
    player: PlayerRequests,
    known: StoredRequest,
    { playerId, place }: RequestEntry,
    epoch: number,
    nowMs: number,
  ): void {
    player.requests = player.requests.filter((noted) => noted !== known);
    this.#insert(player, { ...known, place, playerId }, epoch, known.drawnEpoch, nowMs);
  }

  #insert(
    player: PlayerRequests,
    { playerId, requestId, sessionId, place }: RequestEntry,
    epoch: number,
    drawnEpoch: number,
    nowMs: number,
  ): void {
    const noted = { requestId, sessionId, place, epoch, drawnEpoch, claimedAtMs: nowMs };
    player.requests = [noted, ...player.requests].slice(0, REQUESTS_PER_PLAYER);
    player.expiresAtMs = nowMs + REQUEST_KEPT_MS;
    // Deleted first, so that the map stays in the order of forgetting.
    this.#players.delete(playerId);
    this.#players.set(playerId, player);
  }

  /** Each new player pays for forgetting up to two old ones, so the book cannot outgrow a day's players. */
  #deleteExpired(nowMs: number): void {
    let dropped = 0;
    for (const [playerId, { expiresAtMs: forgetAtMs }] of this.#players) {
      if (forgetAtMs > nowMs || dropped >= 2) return;
      this.#players.delete(playerId);
      dropped += 1;
    }
  }
}
