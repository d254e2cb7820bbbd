import type { Accept } from '@duskline/protocol';
import type { Runtime } from '../../runtime/runtime.js';
import type { ClientConnection } from '../connections/connections.js';
import { Refusal, errorMessage } from '../refusal.js';
import type { RequestRunning, Requests } from '../requests/ports.js';

/** Handles `accept`: the offer becomes a reservation, and the waiting `play` is answered with it. */
export function acceptOffer(
  context: Runtime & Requests & RequestRunning,
  client: ClientConnection,
  { requestId }: Accept,
): void {
  const request = context.activeRequests.find(client, requestId);
  if (request === undefined)
    client.channel.send(errorMessage(new Refusal('NO_OFFER'), context.random, { requestId }));
  else context.requestRunner.dispatch(request, { type: 'accepted' });
}
