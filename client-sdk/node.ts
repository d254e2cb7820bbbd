/**
 * The entry for Node: the same SDK with the WebSocket of the package `ws`, because Node 20 has none.
 */
import { WebSocket, type ClientOptions as SocketOptions } from 'ws';
import { createClient as createPlatformClient, type Client } from './client.js';
import type { ClientOptions } from './options.js';

export * from './index.js';

/** `closeTimeout` is missing in the types of `ws`. Its default lets a dead broker keep the process alive for 30 s. */
const SOCKET_OPTIONS: SocketOptions & { readonly closeTimeout: number } = {
  closeTimeout: 1_000,
  perMessageDeflate: false,
};

class NodeWebSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, SOCKET_OPTIONS);
  }
}

/**
 * Creates a client. It connects at the first call of `connect`, `measureRegions` or `play`.
 *
 * @throws TypeError that lists every invalid option
 */
export function createClient(options: ClientOptions): Client {
  return createPlatformClient({ ...options, WebSocket: options.WebSocket ?? NodeWebSocket });
}
