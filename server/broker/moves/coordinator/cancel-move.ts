import type { RegionPool } from '../../../domain/catalog.js';
import { brokerIdOf } from '../../../domain/connection-id.js';
import { notifyAllOfEnd } from '../../messaging/session-events.js';
import { sendControlMessage } from '../../messaging/send-control-message.js';
import type { BrokerSettings } from '../../settings.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

/** A session that is moving, its source host, and the region pool that it moves to. */
export interface MoveInProgress {
  readonly regionPool: RegionPool;
  readonly sessionId: string;
  readonly hostId: string;
  readonly epoch: number;
  readonly to: RegionPool;
  readonly toEpoch: number;
}

/**
 * Cancels a move, unless its client has arrived. The store decides atomically between the two, and the source host resumes
 * the session only after that. Otherwise two hosts could run it.
 *
 * @returns `arrived` if the session is on the target host already
 */
export async function cancelMove(
  context: BrokerSettings & StoreAccess & Events & Reporting,
  move: MoveInProgress,
): Promise<'cancelled' | 'arrived'> {
  const { store, brokerId } = context;
  const { sessionId, to, toEpoch } = move;
  const dropped = await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
  if (dropped === null) {
    const [now] = await store.getSessions(to, [sessionId]);
    if (now?.epoch === toEpoch && now.state !== 'ended') return 'arrived';
  } else {
    notifyAllOfEnd(context, to, [dropped]);
  }
  await notifyOfCancellation(context, move);
  return 'cancelled';
}

async function notifyOfCancellation(
  context: BrokerSettings & StoreAccess & Events,
  { regionPool, sessionId, hostId, epoch, toEpoch }: MoveInProgress,
): Promise<void> {
  const { store } = context;
  const [[host], [session]] = await Promise.all([
    store.getEndpoints(regionPool, [hostId]),
    store.getSessions(regionPool, [sessionId]),
  ]);
  if (session?.epoch === epoch && session.clientBrokerId !== '') {
    await sendControlMessage(context, regionPool, session.clientBrokerId, {
      type: 'cancelled',
      sessionId,
      epoch: toEpoch,
    });
  }
  if (host !== null && host !== undefined) {
    await sendControlMessage(context, regionPool, brokerIdOf(host.connectionId), {
      type: 'resume',
      hostId,
      sessionId,
      epoch,
      toEpoch,
    });
  }
}
