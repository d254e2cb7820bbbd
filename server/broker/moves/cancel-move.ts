import type { RegionPool } from '../../domain/catalog.js';
import { brokerIdOf } from '../../domain/connection-id.js';
import type { CorePorts } from '../messaging/core-ports.js';
import { notifyAllOfEnd } from '../messaging/session-events.js';
import { sendControlMessage } from '../messaging/send-control-message.js';

/** A move under way: from where, and to where. */
export interface MoveInProgress {
  readonly place: RegionPool;
  readonly sessionId: string;
  readonly hostId: string;
  readonly epoch: number;
  readonly to: RegionPool;
  readonly toEpoch: number;
}

/**
 * Gives a move up, unless its client has arrived: in one step of the store, so that of the two one happens. Only then is
 * the old host told to go on.
 */
export async function cancelMove(context: CorePorts, move: MoveInProgress): Promise<'off' | 'arrived'> {
  const { store, brokerId } = context;
  const { place, sessionId, hostId, epoch, to, toEpoch } = move;
  const dropped = await store.releaseTargetSlot(to, sessionId, toEpoch, brokerId);
  if (dropped === null) {
    const [now] = await store.getSessions(to, [sessionId]);
    if (now?.epoch === toEpoch && now.state !== 'ended') return 'arrived';
  } else {
    notifyAllOfEnd(context, to, [dropped]);
  }
  const [[host], [session]] = await Promise.all([
    store.getEndpoints(place, [hostId]),
    store.getSessions(place, [sessionId]),
  ]);
  if (session?.epoch === epoch && session.clientBrokerId !== '') {
    await sendControlMessage(context, place, session.clientBrokerId, {
      type: 'cancelled',
      sessionId,
      epoch: toEpoch,
    });
  }
  if (host !== null && host !== undefined) {
    await sendControlMessage(context, place, brokerIdOf(host.connectionId), {
      type: 'resume',
      hostId,
      sessionId,
      epoch,
      toEpoch,
    });
  }
  return 'off';
}
