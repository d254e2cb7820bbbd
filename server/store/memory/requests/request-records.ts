import type { RegionPool } from '../../../domain/catalog.js';
import {
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  type AllocatedEpoch,
  type RecordRequestOutcome,
  type RequestEntry,
  type RequestKey,
  type RequestRecord,
} from '../../contracts/requests.js';

interface StoredRequest {
  readonly requestId: string;
  readonly sessionId: string;
  readonly regionPool: RegionPool;
  readonly epoch: number;
  /** The highest epoch that was allocated for an attempt to move its session; 0 for none. */
  readonly allocatedEpoch: number;
  readonly recordedAtMs: number;
}

interface PlayerRequests {
  /** Newest first. */
  requests: StoredRequest[];
  expiresAtMs: number;
}

/** How many expired players each new player deletes: more than one, so that the map cannot outgrow a day's players. */
const DELETED_PER_PLAYER = 2;

/** The requests that players made, by player. */
export class RequestRecords {
  /** In the order in which players expire. */
  readonly #players = new Map<string, PlayerRequests>();

  record(request: RequestEntry, nowMs: number): RecordRequestOutcome {
    const player = this.#getPlayer(request.playerId, nowMs);
    const known = findRequest(player, request);
    if (known !== undefined) return { kind: 'repeat', record: toRecord(known, nowMs) };
    const [newest] = player.requests;
    this.#insert(player, request, 1, 0, nowMs);
    if (newest === undefined) return { kind: 'new' };
    return { kind: 'new', previous: { requestId: newest.requestId, ...toRecord(newest, nowMs) } };
  }

  find({ playerId, requestId }: RequestKey, nowMs: number): RequestRecord | null {
    const player = this.#players.get(playerId);
    const known = player?.requests.find((stored) => stored.requestId === requestId);
    return known === undefined || player === undefined || player.expiresAtMs <= nowMs
      ? null
      : toRecord(known, nowMs);
  }

  startAttempt(request: RequestEntry, fromEpoch: number, nowMs: number): number | null {
    const player = this.#getPlayer(request.playerId, nowMs);
    const known = findRequest(player, request);
    if (known === undefined) {
      this.#insert(player, request, fromEpoch + 1, 0, nowMs);
      return fromEpoch + 1;
    }
    if (known.epoch !== fromEpoch) return null;
    const epoch = Math.max(fromEpoch, known.allocatedEpoch) + 1;
    this.#replaceEpoch(player, known, request, epoch, nowMs);
    return epoch;
  }

  allocateEpoch(request: RequestEntry, aboveEpoch: number, nowMs: number): AllocatedEpoch {
    const player = this.#getPlayer(request.playerId, nowMs);
    const known = findRequest(player, request);
    if (known === undefined) {
      this.#insert(player, request, aboveEpoch, aboveEpoch + 1, nowMs);
      return { epoch: aboveEpoch + 1, fromEpoch: aboveEpoch };
    }
    const allocatedEpoch = Math.max(aboveEpoch, known.epoch, known.allocatedEpoch) + 1;
    player.requests = player.requests.map((stored) =>
      stored === known ? { ...known, allocatedEpoch } : stored,
    );
    return { epoch: allocatedEpoch, fromEpoch: known.epoch };
  }

  commitEpoch(request: RequestEntry, { epoch, fromEpoch }: AllocatedEpoch, nowMs: number): boolean {
    const player = this.#getPlayer(request.playerId, nowMs);
    const known = findRequest(player, request);
    if (known === undefined) {
      this.#insert(player, request, epoch, 0, nowMs);
      return true;
    }
    if (known.epoch !== fromEpoch) {
      const { region, pool } = known.regionPool;
      return (
        known.epoch === epoch && region === request.regionPool.region && pool === request.regionPool.pool
      );
    }
    this.#replaceEpoch(player, known, request, epoch, nowMs);
    return true;
  }

  setPool({ playerId, requestId, sessionId, regionPool }: RequestEntry): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.requests = player.requests.map((stored) =>
      stored.requestId === requestId && stored.sessionId === sessionId ? { ...stored, regionPool } : stored,
    );
  }

  delete(playerId: string, requestId: string): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.requests = player.requests.filter((stored) => stored.requestId !== requestId);
    if (player.requests.length === 0) this.#players.delete(playerId);
  }

  #getPlayer(playerId: string, nowMs: number): PlayerRequests {
    const known = this.#players.get(playerId);
    if (known !== undefined && known.expiresAtMs > nowMs) return known;
    this.#deleteExpired(nowMs);
    return { requests: [], expiresAtMs: 0 };
  }

  /** Gives a request another epoch, and makes it the newest. */
  #replaceEpoch(
    player: PlayerRequests,
    known: StoredRequest,
    { playerId, regionPool }: RequestEntry,
    epoch: number,
    nowMs: number,
  ): void {
    player.requests = player.requests.filter((stored) => stored !== known);
    this.#insert(player, { ...known, regionPool, playerId }, epoch, known.allocatedEpoch, nowMs);
  }

  #insert(
    player: PlayerRequests,
    { playerId, requestId, sessionId, regionPool }: RequestEntry,
    epoch: number,
    allocatedEpoch: number,
    nowMs: number,
  ): void {
    const stored = { requestId, sessionId, regionPool, epoch, allocatedEpoch, recordedAtMs: nowMs };
    player.requests = [stored, ...player.requests].slice(0, REQUESTS_PER_PLAYER);
    player.expiresAtMs = nowMs + REQUEST_KEPT_MS;
    // Deleted first, so that the map stays in the order of expiry.
    this.#players.delete(playerId);
    this.#players.set(playerId, player);
  }

  #deleteExpired(nowMs: number): void {
    let deleted = 0;
    for (const [playerId, { expiresAtMs }] of this.#players) {
      if (expiresAtMs > nowMs || deleted >= DELETED_PER_PLAYER) return;
      this.#players.delete(playerId);
      deleted += 1;
    }
  }
}

function findRequest(player: PlayerRequests, { requestId }: RequestEntry): StoredRequest | undefined {
  return player.requests.find((stored) => stored.requestId === requestId);
}

function toRecord(
  { sessionId, epoch, regionPool, recordedAtMs }: StoredRequest,
  nowMs: number,
): { sessionId: string; epoch: number; regionPool: RegionPool; ageMs: number } {
  return { sessionId, epoch, regionPool, ageMs: nowMs - recordedAtMs };
}
