import type { Standing } from '../../domain/play-request/events.js';
import type { RequestRecord } from '../../store/fleet-store.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { ActiveRequest } from './active-request.js';

/**
 * Reads who continues a request. Called after a slot was reserved or a queue joined for it: another request of the player may have
 * replaced it before that, when there was neither slot nor queue position to give up.
 */
export async function readStanding(context: StoreAccess, request: ActiveRequest): Promise<Standing> {
  const { client, message } = request;
  const { playerId } = client;
  return standingOf(await context.batches.findRequest({ playerId, requestId: message.requestId }), request);
}

/** Who continues a request, according to its record. */
export function standingOf(record: RequestRecord | null, { state }: ActiveRequest): Standing {
  if (record === null) return 'unknown';
  const { sessionId, epoch } = state;
  if (record.state === 'over') return 'over';
  // Replacing a request raises its epoch above all that a broker may know. Resuming it does not change the epoch.
  if (record.state === 'replaced') return record.epoch > epoch ? 'replaced' : 'resumed';
  return record.sessionId === sessionId && record.epoch === epoch ? 'own' : 'continued';
}
