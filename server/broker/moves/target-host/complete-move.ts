import { regionPoolName, type RegionPool } from '../../../domain/catalog.js';
import type { SessionMeta, SessionRecord } from '../../../store/fleet-store.js';
import type { HostConnection } from '../../connections/connections.js';
import type { Events } from '../../messaging/broker-events.js';
import { sendControlMessage } from '../../messaging/send-control-message.js';
import { notifyAllOfEnd, notifyAllOfChange } from '../../messaging/session-events.js';
import { decodeMatch, hasMoved, type MovedFrom } from '../../sessions/match-details.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { notifySourceHost } from '../source-host/notify-source-host.js';
import { replyToCoordinator } from '../reply-to-coordinator.js';
import type { Reporting } from '../../reporting.js';

/**
 * Gives the player's request the epoch and the region pool of the target host. May be repeated.
 *
 * @param meta what the store keeps of the session on the target host
 * @returns false if another attempt of the request succeeded since the move began
 */
export async function assignRequestToTarget(
  context: StoreAccess,
  regionPool: RegionPool,
  { playerId, requestId, match }: SessionMeta,
  { sessionId, epoch }: { readonly sessionId: string; readonly epoch: number },
): Promise<boolean> {
  const fromEpoch = decodeMatch(match).movedFrom?.requestEpoch;
  if (fromEpoch === undefined) return false;
  return context.store.commitEpoch({ playerId, requestId, sessionId, regionPool }, { epoch, fromEpoch });
}

/**
 * Ends the session on its source host, and notifies the client's broker, the target host and the coordinator. May be
 * repeated: the target host reports again if its broker died in between.
 */
export async function completeMove(
  context: BrokerSettings & StoreAccess & Events & Reporting & ActiveMovesPort,
  host: HostConnection,
  session: SessionRecord,
): Promise<void> {
  const { sessionId, epoch, meta } = session;
  if (meta === null || !hasMoved(meta.match)) return;
  const from = decodeMatch(meta.match).movedFrom;
  if (from === undefined) return;
  const { regionPool } = host;
  context.activeMoves.finishTarget(sessionId, epoch);
  if (regionPoolName(from) === regionPoolName(regionPool))
    await releaseSourceHost(context, regionPool, session, from);
  else await releaseSourceRegionPool(context, regionPool, session, from);
  host.channel.send({ type: 'moved', sessionId, epoch });
  const attempt = {
    sessionId,
    to: regionPool,
    toEpoch: epoch,
    coordinatorBrokerId: from.coordinatorBrokerId,
  };
  await replyToCoordinator(context, attempt, { kind: 'arrived' });
}

/** For a move in one region pool. The store has freed the source slot already, but the source host does not know. */
async function releaseSourceHost(
  context: BrokerSettings & StoreAccess & Events,
  regionPool: RegionPool,
  session: SessionRecord,
  { hostId, epoch }: MovedFrom,
): Promise<void> {
  const { sessionId } = session;
  notifyAllOfChange(context, regionPool, session);
  await notifySourceHost(context, regionPool, { hostId, sessionId, epoch });
}

/** For a move to another region pool: ends the session in the one that it left, and notifies the client's broker. */
export async function releaseSourceRegionPool(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  regionPool: RegionPool,
  session: SessionRecord,
  from: Pick<MovedFrom, 'region' | 'pool' | 'epoch'>,
): Promise<void> {
  const { sessionId, epoch } = session;
  const order = { sessionId, epoch: from.epoch, reason: 'superseded' } as const;
  const outcome = await context.batches.endSession({ region: from.region, pool: from.pool }, order);
  if (outcome.kind !== 'ended') return;
  const { clientBrokerId } = outcome.session;
  if (clientBrokerId !== '') {
    await context.store.setClientBroker(regionPool, sessionId, clientBrokerId);
    await sendControlMessage(context, regionPool, clientBrokerId, { type: 'arrived', sessionId, epoch });
  }
  notifyAllOfEnd(context, { region: from.region, pool: from.pool }, [outcome]);
}
