import type { RegionPool } from '../../domain/catalog.js';
import {
  CLAIM_KEPT_MS,
  CLAIMS_PER_PLAYER,
  type Claim,
  type ClaimOutcome,
  type DrawnEpoch,
} from '../fleet-store.js';

interface NotedClaim {
  readonly requestId: string;
  readonly sessionId: string;
  readonly place: RegionPool;
  readonly epoch: number;
  /** The highest that was drawn for an attempt to move it; 0 for none. */
  readonly drawnEpoch: number;
  readonly claimedAtMs: number;
}

interface PlayerClaims {
  /** Newest first. */
  claims: NotedClaim[];
  forgetAtMs: number;
}

/** The requests that players made, by player. */
export class ClaimBook {
  readonly #players = new Map<string, PlayerClaims>();

  claim(claim: Claim, nowMs: number): ClaimOutcome {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.claims.find((noted) => noted.requestId === claim.requestId);
    if (known !== undefined) {
      const { sessionId, epoch, place, claimedAtMs } = known;
      return { kind: 'repeat', record: { sessionId, epoch, place, ageMs: nowMs - claimedAtMs } };
    }
    const [newest] = player.claims;
    this.#note(player, claim, 1, 0, nowMs);
    if (newest === undefined) return { kind: 'new' };
    const { claimedAtMs, drawnEpoch: _, ...previous } = newest;
    return { kind: 'new', previous: { ...previous, ageMs: nowMs - claimedAtMs } };
  }

  reclaim(claim: Claim, fromEpoch: number, nowMs: number): number | null {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.claims.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#note(player, claim, fromEpoch + 1, 0, nowMs);
      return fromEpoch + 1;
    }
    if (known.epoch !== fromEpoch) return null;
    const epoch = Math.max(fromEpoch, known.drawnEpoch) + 1;
    this.#raise(player, known, claim, epoch, nowMs);
    return epoch;
  }

  drawEpoch(claim: Claim, aboveEpoch: number, nowMs: number): DrawnEpoch {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.claims.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#note(player, claim, aboveEpoch, aboveEpoch + 1, nowMs);
      return { epoch: aboveEpoch + 1, fromEpoch: aboveEpoch };
    }
    const drawnEpoch = Math.max(aboveEpoch, known.epoch, known.drawnEpoch) + 1;
    player.claims = player.claims.map((noted) => (noted === known ? { ...known, drawnEpoch } : noted));
    return { epoch: drawnEpoch, fromEpoch: known.epoch };
  }

  settleEpoch(claim: Claim, { epoch, fromEpoch }: DrawnEpoch, nowMs: number): boolean {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.claims.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#note(player, claim, epoch, 0, nowMs);
      return true;
    }
    if (known.epoch !== fromEpoch) {
      const { region, pool } = known.place;
      return known.epoch === epoch && region === claim.place.region && pool === claim.place.pool;
    }
    this.#raise(player, known, claim, epoch, nowMs);
    return true;
  }

  move({ playerId, requestId, sessionId, place }: Claim): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.claims = player.claims.map((noted) =>
      noted.requestId === requestId && noted.sessionId === sessionId ? { ...noted, place } : noted,
    );
  }

  forget(playerId: string, requestId: string): void {
    const player = this.#players.get(playerId);
    if (player === undefined) return;
    player.claims = player.claims.filter((noted) => noted.requestId !== requestId);
    if (player.claims.length === 0) this.#players.delete(playerId);
  }

  #player(playerId: string, nowMs: number): PlayerClaims {
    const known = this.#players.get(playerId);
    if (known !== undefined && known.forgetAtMs > nowMs) return known;
    this.#dropOldest(nowMs);
    return { claims: [], forgetAtMs: 0 };
  }

  /** Gives a request another epoch, and makes it the newest. */
  #raise(
    player: PlayerClaims,
    known: NotedClaim,
    { playerId, place }: Claim,
    epoch: number,
    nowMs: number,
  ): void {
    player.claims = player.claims.filter((noted) => noted !== known);
    this.#note(player, { ...known, place, playerId }, epoch, known.drawnEpoch, nowMs);
  }

  #note(
    player: PlayerClaims,
    { playerId, requestId, sessionId, place }: Claim,
    epoch: number,
    drawnEpoch: number,
    nowMs: number,
  ): void {
    const noted = { requestId, sessionId, place, epoch, drawnEpoch, claimedAtMs: nowMs };
    player.claims = [noted, ...player.claims].slice(0, CLAIMS_PER_PLAYER);
    player.forgetAtMs = nowMs + CLAIM_KEPT_MS;
    // Deleted first, so that the map stays in the order of forgetting.
    this.#players.delete(playerId);
    this.#players.set(playerId, player);
  }

  /** Each new player pays for forgetting up to two old ones, so the book cannot outgrow a day's players. */
  #dropOldest(nowMs: number): void {
    let dropped = 0;
    for (const [playerId, { forgetAtMs }] of this.#players) {
      if (forgetAtMs > nowMs || dropped >= 2) return;
      this.#players.delete(playerId);
      dropped += 1;
    }
  }
}
