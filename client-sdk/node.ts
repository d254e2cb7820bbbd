/**
 * The SDK for Node: the same, with the WebSocket of `ws`, which Node 20 lacks.
 */
import { WebSocket, type ClientOptions as SocketOptions } from 'ws';
import { createClient as createPlatformClient, type Client } from './client.js';
import type { ClientOptions } from './options.js';

export * from './index.js';

/** `closeTimeout` is younger than the package's types. A dead broker must not hold the process for half a minute. */
const SOCKET_OPTIONS: SocketOptions & { readonly closeTimeout: number } = {
  closeTimeout: 1_000,
  perMessageDeflate: false,
};

class NodeWebSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, SOCKET_OPTIONS);
  }
}

/** @throws TypeError for options that cannot work */
export function createClient(options: ClientOptions): Client {
  return createPlatformClient({ ...options, WebSocket: options.WebSocket ?? NodeWebSocket });
}
