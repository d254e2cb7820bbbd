import type { Standing } from '../../domain/play-request/events.js';
import type { RequestRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { ActiveRequest } from './active-request.js';

/**
 * Reads whose a request is. Called after a slot was reserved or a queue joined for it: another request of the player may have taken its
 * place before, and have found nothing to end.
 */
export async function readStanding(context: StoreAccess, request: ActiveRequest): Promise<Standing> {
  const { client, message } = request;
  const { playerId } = client;
  return standingOf(await context.batches.findRequest({ playerId, requestId: message.requestId }), request);
}

/** Whose a request is by its record. */
export function standingOf(record: RequestRecord | null, { state }: ActiveRequest): Standing {
  if (record === null) return 'unknown';
  const { sessionId, epoch } = state;
  if (record.state === 'over') return 'over';
  // Taking a request's place raises its epoch above all that a broker may know. Resuming it leaves the epoch as it was.
  if (record.state === 'replaced') return record.epoch > epoch ? 'replaced' : 'resumed';
  return record.sessionId === sessionId && record.epoch === epoch ? 'own' : 'continued';
}
