import type { Replaced } from '@duskline/protocol';
import type { ClientConnection } from '../connections/connections.js';
import type { Reporting } from '../reporting.js';

/** Tells a client that another connection or request of its player has its request from now on. */
export function sendReplaced(
  { observer }: Reporting,
  client: ClientConnection,
  replaced: Omit<Replaced, 'type'>,
): void {
  observer.requestReplaced();
  client.channel.send({ type: 'replaced', ...replaced });
}
