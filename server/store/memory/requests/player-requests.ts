import type { RegionPool } from '../../../domain/catalog.js';
import {
  REQUEST_KEPT_MS,
  REQUESTS_PER_PLAYER,
  type LiveRequest,
  type RequestRecord,
  type RequestState,
} from '../../contracts/requests.js';

export interface StoredRequest {
  readonly requestId: string;
  readonly sessionId: string;
  readonly regionPool: RegionPool;
  readonly epoch: number;
  /** The highest epoch that was allocated for an attempt to move its session; 0 for none. */
  readonly allocatedEpoch: number;
  readonly recordedAtMs: number;
  /** The id of the request that replaced this one. */
  readonly replacedBy: string | null;
}

/** What the store remembers of one player's requests. */
export interface PlayerRequests {
  readonly live: StoredRequest | null;
  /** Requests that are over or replaced, newest first. */
  readonly remembered: readonly StoredRequest[];
}

export const NO_REQUESTS: PlayerRequests = { live: null, remembered: [] };

/** These requests, without the oldest ones that are too many. The live one stays. */
export function withinLimit(player: PlayerRequests): PlayerRequests {
  const { live, remembered } = player;
  const most = REQUESTS_PER_PLAYER - (live === null ? 0 : 1);
  return remembered.length <= most ? player : { live, remembered: remembered.slice(0, most) };
}

export function expiresAtMs({ live, remembered }: PlayerRequests): number {
  let newestMs = live?.recordedAtMs ?? -Infinity;
  for (const { recordedAtMs } of remembered) newestMs = Math.max(newestMs, recordedAtMs);
  return newestMs + REQUEST_KEPT_MS;
}

export function findRequest(
  { live, remembered }: PlayerRequests,
  requestId: string,
): StoredRequest | undefined {
  if (live?.requestId === requestId) return live;
  return remembered.find((stored) => stored.requestId === requestId);
}

/** The newest request with the session: another one may have resumed it. Else the request of that id. */
export function findSessionRequest(
  player: PlayerRequests,
  { requestId, sessionId }: { readonly requestId: string; readonly sessionId: string },
): StoredRequest | undefined {
  if (player.live?.sessionId === sessionId) return player.live;
  const newest = player.remembered.find((stored) => stored.sessionId === sessionId);
  return newest ?? findRequest(player, requestId);
}

/** The same requests with `now` in place of `before`. */
export function replaceStored(
  { live, remembered }: PlayerRequests,
  before: StoredRequest,
  now: StoredRequest,
): PlayerRequests {
  const swap = (stored: StoredRequest): StoredRequest => (stored === before ? now : stored);
  return { live: live === null ? null : swap(live), remembered: remembered.map(swap) };
}

/** The highest epoch that was given for this request in any way. */
export function highestEpoch({ epoch, allocatedEpoch }: StoredRequest): number {
  return Math.max(epoch, allocatedEpoch);
}

export function toRecord(player: PlayerRequests, stored: StoredRequest, nowMs: number): RequestRecord {
  const { replacedBy } = stored;
  return { state: stateOf(player, stored), replacedBy, ...describeRequest(stored, nowMs) };
}

export function toLiveRequest(stored: StoredRequest, nowMs: number): LiveRequest {
  return { requestId: stored.requestId, ...describeRequest(stored, nowMs) };
}

function describeRequest(
  { sessionId, epoch, regionPool, recordedAtMs }: StoredRequest,
  nowMs: number,
): Omit<LiveRequest, 'requestId'> {
  return { sessionId, epoch, regionPool, ageMs: nowMs - recordedAtMs };
}

function stateOf({ live }: PlayerRequests, stored: StoredRequest): RequestState {
  if (stored === live) return 'live';
  return stored.replacedBy === null ? 'over' : 'replaced';
}
