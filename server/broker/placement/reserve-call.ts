import type { RequestResult, Standing } from '../../domain/play-request/events.js';
import { createMatchDetails, toSessionMeta } from '../sessions/session-meta.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { ActiveRequest } from '../requests/active-request.js';
import { recordRegionPool } from '../requests/record-region-pool.js';
import { readStanding } from '../requests/standing.js';
import type { Connections } from '../connections/ports.js';
import { releaseSlot } from './leave-call.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

type Reserved = Extract<RequestResult<PlacedSession>, { readonly type: 'reserved' }>;

const FULL: Reserved = { type: 'reserved', result: { kind: 'full' } };
/** The store has lost the record of the request. */
const UNKNOWN: Reserved = { type: 'reserved', result: { kind: 'refused', code: 'UNAVAILABLE' } };
/** Its client cancelled it on another connection. */
const CANCELLED: Reserved = { type: 'reserved', result: { kind: 'refused', code: 'CANCELLED' } };
const REPLACED: Reserved = { type: 'reserved', result: { kind: 'replaced' } };
const NO_SUITABLE_POOL: Reserved = {
  type: 'reserved',
  result: { kind: 'refused', code: 'NO_SUITABLE_POOL' },
};

/** What becomes of a reservation that the request cannot use, by who continues the request. */
const RESERVED_AS: Readonly<Record<Standing, Reserved>> = {
  own: UNKNOWN,
  unknown: UNKNOWN,
  over: CANCELLED,
  replaced: REPLACED,
  resumed: REPLACED,
  continued: REPLACED,
};

/**
 * Reserves a slot in one candidate.
 *
 * @param index position of the candidate
 */
export function reserveSlot(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & Connections,
  request: ActiveRequest,
  index: number,
): Reserved | Promise<Reserved> {
  const { client, message, state } = request;
  const { sessionId, epoch, phase } = state;
  const { candidates } = state.terms;
  const candidate = candidates[index];
  if (candidate === undefined) return FULL;
  const { regionPool } = candidate;
  const details = createMatchDetails(context, client, message, candidates, index);
  if (details === undefined) return NO_SUITABLE_POOL;
  const meta = toSessionMeta(client, message, details);
  const { brokerId: clientBrokerId } = context;
  // A slot that is reserved while the request is being recorded is reserved before another request can replace this one.
  const isAhead = phase.name === 'recording';
  return context.batches.reserve(regionPool, { sessionId, epoch, clientBrokerId, meta }).then((outcome) => {
    switch (outcome.kind) {
      case 'closed':
        context.fleet.markClosed(regionPool);
        return FULL;
      case 'full':
        return FULL;
      case 'over':
      case 'existing':
        // Each attempt has its own session id and epoch, so a session in the store was made by another broker that continues the request.
        return readStanding(context, request).then((standing) => RESERVED_AS[standing]);
      case 'reserved': {
        const { hostId, hostConnectionId } = outcome;
        const claimWithinMs = context.limits.reservationMs;
        const placed = {
          regionPool,
          sessionId,
          epoch,
          hostId,
          hostConnectionId,
          claimWithinMs,
          meta,
          details,
        };
        return isAhead
          ? { type: 'reserved', result: { kind: 'placed', placed } }
          : keepSlot(context, request, placed);
      }
    }
  });
}

/**
 * Releases a slot if the request was cancelled, replaced or continued elsewhere before the slot was reserved, and so could not be found.
 * A request that resumes this one gets its slot.
 */
async function keepSlot(
  context: BrokerSettings & StoreAccess & Events & Reporting & Connections,
  request: ActiveRequest,
  placed: PlacedSession,
): Promise<Reserved> {
  const [standing] = await Promise.all([
    readStanding(context, request),
    recordRegionPool(context, request, placed.regionPool),
  ]);
  if (standing === 'own') return { type: 'reserved', result: { kind: 'placed', placed } };
  if (standing === 'resumed') {
    request.owner = 'replaced';
    return REPLACED;
  }
  await releaseSlot(context, placed);
  return RESERVED_AS[standing];
}
