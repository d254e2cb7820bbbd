import type { Place } from '../../domain/catalog.js';
import { CLAIM_KEPT_MS, CLAIMS_PER_PLAYER, type Claim, type ClaimOutcome } from '../fleet-store.js';

interface NotedClaim {
  readonly requestId: string;
  readonly sessionId: string;
  readonly place: Place;
  readonly epoch: number;
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
    this.#note(player, claim, 1, nowMs);
    if (newest === undefined) return { kind: 'new' };
    const { claimedAtMs, ...previous } = newest;
    return { kind: 'new', previous: { ...previous, ageMs: nowMs - claimedAtMs } };
  }

  reclaim(claim: Claim, fromEpoch: number, toEpoch: number, nowMs: number): number | null {
    const player = this.#player(claim.playerId, nowMs);
    const known = player.claims.find((noted) => noted.requestId === claim.requestId);
    if (known === undefined) {
      this.#note(player, claim, toEpoch, nowMs);
      return toEpoch;
    }
    if (known.epoch !== fromEpoch) return null;
    player.claims = player.claims.filter((noted) => noted !== known);
    this.#note(player, { ...known, place: claim.place, playerId: claim.playerId }, toEpoch, nowMs);
    return toEpoch;
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

  #note(
    player: PlayerClaims,
    { playerId, requestId, sessionId, place }: Claim,
    epoch: number,
    nowMs: number,
  ): void {
    player.claims = [{ requestId, sessionId, place, epoch, claimedAtMs: nowMs }, ...player.claims].slice(
      0,
      CLAIMS_PER_PLAYER,
    );
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
