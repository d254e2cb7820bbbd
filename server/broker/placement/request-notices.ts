import type { RegionPool } from '../../domain/catalog.js';
import type { RequestNotice } from '../../domain/play-request/effects.js';
import type { Connections } from '../connections/ports.js';
import type { Credentials } from '../credentials.js';
import { sendQueuePosition } from '../queue/send-queue-position.js';
import { withdrawRequest } from '../queue/withdraw-request.js';
import { Refusal, errorMessage } from '../refusal.js';
import { entryOf, type ActiveRequest } from '../requests/active-request.js';
import type { Requests } from '../requests/ports.js';
import { recordRegionPool } from '../requests/record-region-pool.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { StoreAccess } from '../store-access/ports.js';
import { answerRequest } from './answer-request.js';
import { releaseSlot } from './leave-call.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** Carries out an effect that needs no answer. If the store is unreachable, its time limits, sweeps or later polls do the same. */
export function carryOutNotice(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections & Requests & Credentials,
  request: ActiveRequest,
  notice: RequestNotice<PlacedSession>,
): void {
  const { client, message, state } = request;
  const { requestId } = message;
  const { sessionId } = state;
  switch (notice.type) {
    case 'answer':
      answerRequest(context, request, notice.answer);
      return;
    case 'send_offer': {
      request.lastSentPosition = undefined;
      const { regionPool, expiresAtMs, receivedAtMs } = notice.offer;
      const acceptWithinMs = Math.round(expiresAtMs - receivedAtMs);
      client.channel.send({ type: 'offer', requestId, region: regionPool.region, acceptWithinMs });
      return;
    }
    case 'send_no_offer':
      client.channel.send(
        errorMessage(new Refusal('NO_OFFER'), context.random, { inReplyTo: 'accept', requestId }),
      );
      return;
    case 'send_position':
      sendQueuePosition(context, request).catch(ignoreStore);
      return;
    case 'release':
      // The store ends the reservation when its time is over.
      releaseSlot(context, notice.placed).catch(ignoreStore);
      return;
    case 'return_offer':
      returnOffer(context, request, notice.regionPool, notice.keptIn).catch(ignoreStore);
      return;
    case 'leave_queues':
      // The sweep removes within a minute what could not be removed here.
      withdrawRequest(context, notice.queues, { sessionId, belowEpoch: state.epoch }).catch(ignoreStore);
      return;
    case 'record_missed_offer':
      void Promise.allSettled(
        notice.queues.map((queue) => context.store.recordMissedOffers(queue, [sessionId])),
      );
      return;
    case 'record_queue':
      recordRegionPool(context, request, notice.regionPool).catch(ignoreStore);
      return;
    case 'end_lost_assignment': {
      // The lost host may reconnect and report the session.
      const withdrawal = { sessionId, belowEpoch: notice.placed.epoch };
      withdrawRequest(context, [notice.regionPool], withdrawal).catch(ignoreStore);
      return;
    }
    case 'remember':
      context.earlierWaits.add({ sessionId, request, queues: notice.queues });
  }
}

/** Returns a slot to the next request in the queue, and records the region pool in which this request continues. */
async function returnOffer(
  context: StoreAccess,
  request: ActiveRequest,
  regionPool: RegionPool,
  keptIn: RegionPool,
): Promise<void> {
  const { sessionId } = request.state;
  await context.batches.withdrawEntry(regionPool, { sessionId, belowEpoch: 0 });
  await context.store.setRequestPool(entryOf(request, keptIn));
}

/** The store is unreachable: the poll of all regions reports that. */
function ignoreStore(): void {
  // Nothing is left to do here.
}
