import { brokerOf } from '../../domain/connection-id.js';
import { placeName } from '../../domain/catalog.js';
import type { BrokerContext } from '../context.js';
import { deliver, nudgeOthers } from '../deliver.js';
import { toRefusal } from '../refusal.js';
import { drawEpoch, metaAt, type MoveOrder, type MoveResult } from './move-session.js';
import { sendWord } from './words.js';
import { leavePlace, takeRequest } from './target-side.js';

/** Between the steps of a reservation's move nobody is asked anything: they take no longer than the store does. */
const HELD_MS = 5_000;

/**
 * Moves a reservation that nobody has claimed yet. It costs nobody anything: its client is told a new match before it has
 * gone anywhere. One that is claimed meanwhile stays.
 */
export async function moveUnclaimed(context: BrokerContext, order: MoveOrder): Promise<MoveResult> {
  const { store, brokerId, limits } = context;
  const { place, session, to, maxCongestion } = order;
  const { sessionId, hostId, epoch, meta } = session;
  const failed = (why: string): MoveResult => ({ kind: 'failed', by: 'store', reason: why, hostId: null });
  if (meta === null) return failed('nobody knows whose it is');
  const isSamePlace = placeName(place) === placeName(to);
  try {
    const drawn = await drawEpoch(context, order, meta);
    const toEpoch = drawn.epoch;
    const movedMeta = metaAt(context, order, meta, drawn);
    const arrival = { sessionId, epoch: toEpoch, clientBrokerId: session.clientBrokerId, meta: movedMeta };
    const wish = { avoidHostId: isSamePlace ? hostId : null, maxCongestion };
    const held = await store.hold(to, arrival, wish, HELD_MS, brokerId);
    if (held.kind !== 'held') return failed(`no slot: ${held.kind}`);
    // As late as can be: who claims it just now is let in by the old host, and goes on there.
    const [now] = await store.getSessions(place, [sessionId]);
    const isUnclaimed = now?.state === 'reserved' && now.epoch === epoch;
    if (!isUnclaimed || !(await takeRequest(context, to, movedMeta, sessionId, toEpoch))) {
      await store.dropArrival(to, sessionId, toEpoch, brokerId);
      return failed('it was claimed meanwhile');
    }
    const { clientBrokerId } = now;
    const report = {
      sessionId,
      epoch: toEpoch,
      hostId: held.hostId,
      state: 'reserved' as const,
      clientBrokerId,
    };
    const outcome = await store.arrive(to, report, limits.reservationMs, brokerId);
    if (outcome.kind !== 'arrived') {
      await store.dropArrival(to, sessionId, toEpoch, brokerId);
      return failed('it was claimed meanwhile');
    }
    const from = { ...place, epoch };
    if (!isSamePlace) await leavePlace(context, to, outcome.session, from);
    deliver(context, to, outcome.session);
    nudgeOthers(context, to, outcome.session, held.hostConnectionId);
    if (isSamePlace) await tellOldHost(context, order);
    return { kind: 'moved', hostId: held.hostId };
  } catch (error) {
    return failed(toRefusal(error).message);
  }
}

async function tellOldHost(
  context: BrokerContext,
  { place, session: { sessionId, hostId, epoch } }: MoveOrder,
): Promise<void> {
  const [old] = await context.store.endpoints(place, [hostId]);
  if (old === null || old === undefined) return;
  await sendWord(context, place, brokerOf(old.connectionId), { type: 'left', hostId, sessionId, epoch });
}
