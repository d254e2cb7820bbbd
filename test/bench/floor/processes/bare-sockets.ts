/**
 * The baseline of an idle client: a bare `ws` socket, with the listeners that any server has.
 *
 *     node bare-sockets.js <port>
 */
import { createServer } from 'node:http';
import { SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocketServer } from 'ws';

const [port = '0'] = process.argv.slice(2);
const upgrader = new WebSocketServer({
  noServer: true,
  maxPayload: 65_536,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
});
const server = createServer((_request, response) => response.end());
server.on('upgrade', (request, socket, head) => {
  upgrader.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('message', onMessage);
    webSocket.on('close', onMessage);
    webSocket.on('error', onMessage);
  });
});
server.listen(Number(port), '127.0.0.1');

function onMessage(): void {
  // Frames are ignored.
}
