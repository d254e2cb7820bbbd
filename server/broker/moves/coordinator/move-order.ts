import type { RegionPool } from '../../../domain/catalog.js';
import type { AllocatedEpoch, SessionMeta, SessionRecord } from '../../../store/fleet-store.js';
import type { MoveParty } from '../../../domain/move/move-reply.js';
import { decodeMatch, encodeMatch } from '../../sessions/match-details.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';

/** A session that has to move, and the region pool that it moves to. */
export interface MoveOrder {
  readonly regionPool: RegionPool;
  readonly session: SessionRecord;
  readonly to: RegionPool;
  /** The cause in one sentence, for the player and for operators. */
  readonly reason: string;
  /** Hosts that are more congested than this are not acceptable; in millionths. */
  readonly maxCongestion: number;
}

export type MoveResult =
  | { readonly kind: 'moved'; readonly hostId: string }
  /** The session stays where it was. `hostId` is the target host, or `null` if the move failed before there was one. */
  | {
      readonly kind: 'failed';
      readonly by: MoveParty;
      readonly reason: string;
      readonly hostId: string | null;
    };

/**
 * Allocates the session's epoch on the target host. Every attempt gets a new one: hosts and clients that took part in a
 * failed attempt refuse messages whose epoch is not higher.
 */
export function allocateMoveEpoch(
  { store }: StoreAccess,
  { regionPool, session: { sessionId, epoch } }: Pick<MoveOrder, 'regionPool' | 'session'>,
  { playerId, requestId }: SessionMeta,
): Promise<AllocatedEpoch> {
  return store.allocateEpoch({ playerId, requestId, sessionId, regionPool }, epoch);
}

/** What the store keeps of the session on the target host: the match for the target's region, and where it came from. */
export function metaAfterMove(
  context: BrokerSettings,
  { regionPool, session: { hostId, epoch }, to, reason }: Omit<MoveOrder, 'maxCongestion'>,
  meta: SessionMeta,
  { fromEpoch: requestEpoch }: AllocatedEpoch,
): SessionMeta {
  const details = decodeMatch(meta.match);
  const { reach = {} } = details;
  const rttMs = reach[to.region] ?? details.rttMs;
  const nearer = Object.values(reach).filter((other) => other < rttMs).length;
  const movedFrom = { ...regionPool, hostId, epoch, requestEpoch, coordinatorBrokerId: context.brokerId };
  return { ...meta, match: encodeMatch({ ...details, rttMs, rank: nearer + 1, reason, movedFrom }) };
}
