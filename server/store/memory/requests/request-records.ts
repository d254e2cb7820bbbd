import type {
  AllocatedEpoch,
  EndedRequest,
  ExpectedLive,
  RecordRequestOutcome,
  ReplaceLiveOutcome,
  RequestEntry,
  RequestKey,
  RenewOutcome,
  RequestRecord,
  ResumeLiveOutcome,
  ReturnedSession,
} from '../../contracts/requests.js';
import {
  NO_REQUESTS,
  expiresAtMs,
  findRequest,
  findSessionRequest,
  highestEpoch,
  replaceStored,
  toLiveRequest,
  toRecord,
  withinLimit,
  type PlayerRequests,
  type StoredRequest,
} from './player-requests.js';

/** How many expired players each recorded request deletes: more than one, so that the map cannot outgrow a day's players. */
const DELETED_PER_REQUEST = 2;

/** The requests that players made, by player. */
export class RequestRecords {
  /** In the order of their latest recorded request. */
  readonly #players = new Map<string, PlayerRequests>();

  /** What is remembered of a player, expired or not: for tests that compare stores. */
  peek(playerId: string): PlayerRequests {
    return this.#players.get(playerId) ?? NO_REQUESTS;
  }

  record(request: RequestEntry, nowMs: number): RecordRequestOutcome {
    const player = this.#read(request, nowMs);
    const outcome = outcomeOfKnown(player, request, nowMs);
    if (outcome !== undefined) return outcome;
    if (player.live !== null) return { kind: 'live', live: toLiveRequest(player.live, nowMs) };
    this.#storeAttempt(request, { ...player, live: newRequest(request, 1, nowMs) }, nowMs);
    return { kind: 'new' };
  }

  find(key: RequestKey, nowMs: number): RequestRecord | null {
    const player = this.#read(key, nowMs);
    const known = findRequest(player, key.requestId);
    return known === undefined ? null : toRecord(player, known, nowMs);
  }

  replaceLive(request: RequestEntry, expected: ExpectedLive | null, nowMs: number): ReplaceLiveOutcome {
    const player = this.#read(request, nowMs);
    const { live, remembered } = player;
    if (live?.requestId === request.requestId && live.sessionId === request.sessionId) {
      // The same call before, whose answer was lost.
      const before = remembered.find(({ replacedBy }) => replacedBy === request.requestId);
      return before === undefined
        ? { kind: 'new' }
        : { kind: 'replaced', before: toLiveRequest(before, nowMs) };
    }
    const outcome = outcomeOfKnown(player, request, nowMs);
    if (outcome !== undefined) return outcome;
    const added = newRequest(request, 1, nowMs);
    if (live === null) {
      this.#storeAttempt(request, { ...player, live: added }, nowMs);
      return { kind: 'new' };
    }
    if (expected !== null && !isExpected(live, expected, true))
      return { kind: 'live', live: toLiveRequest(live, nowMs) };
    const before = { ...live, epoch: highestEpoch(live) + 1, replacedBy: request.requestId };
    this.#storeAttempt(request, { live: added, remembered: [before, ...remembered] }, nowMs);
    return { kind: 'replaced', before: toLiveRequest(before, nowMs) };
  }

  resumeLive(key: RequestKey, expected: ExpectedLive, raiseEpoch: boolean, nowMs: number): ResumeLiveOutcome {
    const player = this.#read(key, nowMs);
    const { live, remembered } = player;
    if (live?.requestId === key.requestId && live.sessionId === expected.sessionId) {
      // The same call before, whose answer was lost.
      return { kind: 'resumed', record: toRecord(player, live, nowMs) };
    }
    const outcome = outcomeOfKnown(player, key, nowMs);
    if (outcome !== undefined) return outcome;
    if (live === null) return { kind: 'none' };
    if (!isExpected(live, expected, raiseEpoch)) return { kind: 'live', live: toLiveRequest(live, nowMs) };
    const attempt = raiseEpoch ? { epoch: highestEpoch(live) + 1, recordedAtMs: nowMs } : {};
    const resumed = { ...live, ...attempt, requestId: key.requestId };
    const after = { live: resumed, remembered: [{ ...live, replacedBy: key.requestId }, ...remembered] };
    if (raiseEpoch) this.#storeAttempt(key, after, nowMs);
    else this.#store(key, after);
    return { kind: 'resumed', record: toRecord(after, resumed, nowMs) };
  }

  clearLive({ playerId, sessionId, epoch }: EndedRequest, nowMs: number): boolean {
    const { live, remembered } = this.#read({ playerId }, nowMs);
    if (live?.sessionId !== sessionId || live.epoch > epoch) return false;
    this.#store({ playerId }, { live: null, remembered: [live, ...remembered] });
    return true;
  }

  renewLive({ playerId, sessionId, epoch, regionPool }: ReturnedSession, nowMs: number): RenewOutcome {
    const { live, remembered } = this.#read({ playerId }, nowMs);
    if (live?.sessionId === sessionId) return live.epoch > epoch ? 'placed_again' : 'live';
    if (live !== null) return 'replaced';
    const known = remembered.find((stored) => stored.sessionId === sessionId);
    if (known === undefined) return 'unknown';
    if (isReplaced(known)) return 'replaced';
    const renewed = { ...known, epoch, allocatedEpoch: highestEpoch(known), regionPool };
    const others = remembered.filter((stored) => stored !== known);
    this.#store({ playerId }, { live: renewed, remembered: others });
    return 'live';
  }

  startAttempt(request: RequestEntry, fromEpoch: number, orLater: boolean, nowMs: number): number | null {
    const player = this.#read(request, nowMs);
    const { live } = player;
    if (live !== null && live.requestId !== request.requestId) return null;
    const known = live ?? findSessionRequest(player, request);
    if (known !== undefined) {
      const isFrom = known.epoch === fromEpoch || (orLater && known.epoch > fromEpoch);
      if (known.requestId !== request.requestId || !isFrom || isReplaced(known)) return null;
    }
    const epoch = Math.max(fromEpoch, known === undefined ? 0 : highestEpoch(known)) + 1;
    this.#makeLive(request, player, known, epoch, nowMs);
    return epoch;
  }

  allocateEpoch(request: RequestEntry, aboveEpoch: number, nowMs: number): AllocatedEpoch {
    const player = this.#read(request, nowMs);
    const known = findSessionRequest(player, request);
    if (known === undefined) {
      const added = { ...newRequest(request, aboveEpoch, nowMs), allocatedEpoch: aboveEpoch + 1 };
      const { live, remembered } = player;
      const after =
        live === null ? { live: added, remembered } : { live, remembered: [added, ...remembered] };
      this.#storeAttempt(request, after, nowMs);
      return { epoch: aboveEpoch + 1, fromEpoch: aboveEpoch };
    }
    const allocatedEpoch = Math.max(aboveEpoch, highestEpoch(known)) + 1;
    this.#store(request, replaceStored(player, known, { ...known, allocatedEpoch }));
    return { epoch: allocatedEpoch, fromEpoch: known.epoch };
  }

  commitEpoch(request: RequestEntry, { epoch, fromEpoch }: AllocatedEpoch, nowMs: number): boolean {
    const player = this.#read(request, nowMs);
    const known = findSessionRequest(player, request);
    if (isReplaced(known)) return false;
    if (known !== undefined && known.epoch !== fromEpoch) {
      const { region, pool } = known.regionPool;
      return (
        known.epoch === epoch && region === request.regionPool.region && pool === request.regionPool.pool
      );
    }
    if (player.live !== null && known !== player.live) return false;
    this.#makeLive(request, player, known, epoch, nowMs);
    return true;
  }

  setPool(request: RequestEntry, nowMs: number): void {
    const player = this.#read(request, nowMs);
    const known = findSessionRequest(player, request);
    if (known?.sessionId !== request.sessionId) return;
    this.#store(request, replaceStored(player, known, { ...known, regionPool: request.regionPool }));
  }

  delete(key: RequestKey, nowMs: number): void {
    const player = this.#read(key, nowMs);
    const known = findRequest(player, key.requestId);
    if (known === undefined || isReplaced(known)) return;
    const { live, remembered } = player;
    this.#store(key, {
      live: live === known ? null : live,
      remembered: remembered.filter((stored) => stored !== known),
    });
  }

  #read({ playerId }: Pick<RequestKey, 'playerId'>, nowMs: number): PlayerRequests {
    const known = this.#players.get(playerId);
    return known !== undefined && expiresAtMs(known) > nowMs ? known : NO_REQUESTS;
  }

  /** Makes a request the live one, with that epoch and region pool. */
  #makeLive(
    request: RequestEntry,
    { remembered }: PlayerRequests,
    known: StoredRequest | undefined,
    epoch: number,
    nowMs: number,
  ): void {
    const { regionPool } = request;
    const live = { ...(known ?? newRequest(request, epoch, nowMs)), regionPool, epoch, recordedAtMs: nowMs };
    const others = remembered.filter((stored) => stored !== known);
    this.#storeAttempt(request, { live, remembered: others }, nowMs);
  }

  #store({ playerId }: Pick<RequestKey, 'playerId'>, player: PlayerRequests): void {
    const kept = withinLimit(player);
    if (kept.live === null && kept.remembered.length === 0) this.#players.delete(playerId);
    else this.#players.set(playerId, kept);
  }

  /** Stores a player with a request that was recorded just now. */
  #storeAttempt({ playerId }: Pick<RequestKey, 'playerId'>, player: PlayerRequests, nowMs: number): void {
    // Deleted first, so that the map stays in the order of the latest recorded requests.
    this.#players.delete(playerId);
    this.#deleteExpired(nowMs);
    this.#store({ playerId }, player);
  }

  #deleteExpired(nowMs: number): void {
    let deleted = 0;
    for (const [playerId, player] of this.#players) {
      if (expiresAtMs(player) > nowMs || deleted >= DELETED_PER_REQUEST) return;
      this.#players.delete(playerId);
      deleted += 1;
    }
  }
}

function newRequest(
  { requestId, sessionId, regionPool }: RequestEntry,
  epoch: number,
  nowMs: number,
): StoredRequest {
  return {
    requestId,
    sessionId,
    regionPool,
    epoch,
    allocatedEpoch: 0,
    recordedAtMs: nowMs,
    replacedBy: null,
  };
}

/** Whether another request has taken its place or continues its session. */
function isReplaced(stored: StoredRequest | undefined): boolean {
  return (stored?.replacedBy ?? null) !== null;
}

function isExpected(live: StoredRequest, { sessionId, epoch }: ExpectedLive, atEpoch: boolean): boolean {
  return live.sessionId === sessionId && (!atEpoch || live.epoch === epoch);
}

/** The outcome of recording a request that is remembered; `undefined` when it is not. */
function outcomeOfKnown(
  player: PlayerRequests,
  { requestId }: RequestKey,
  nowMs: number,
): Extract<RecordRequestOutcome, { readonly kind: 'repeat' }> | undefined {
  const known = findRequest(player, requestId);
  return known === undefined ? undefined : { kind: 'repeat', record: toRecord(player, known, nowMs) };
}
