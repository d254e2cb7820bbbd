import type { BrokerToClient, Device, RegionInfo } from '@duskline/protocol';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket } from 'ws';
import { LoadTestFailure } from './load-test-failure.js';

const DEADLINE_MS = 10_000;

/**
 * Sends `hello` to a broker, and returns the regions of its `welcome`.
 *
 * @throws LoadTestFailure when no broker answers, or the broker refuses the token
 */
export async function discoverRegions(
  url: string,
  token: string,
  device: Device,
): Promise<readonly RegionInfo[]> {
  const socket = new WebSocket(`${url}${CLIENT_PATH}`, SUBPROTOCOL, { perMessageDeflate: false });
  try {
    return await new Promise<readonly RegionInfo[]>((resolve, reject) => {
      const fail = (why: string): void => reject(new LoadTestFailure(`${url}: ${why}`));
      const deadline = setTimeout(
        () => fail(`no broker answered within ${DEADLINE_MS / 1_000} s.`),
        DEADLINE_MS,
      );
      deadline.unref();
      socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', token, device })));
      socket.on('error', (error) => fail(`cannot connect to a broker (${error.message}).`));
      socket.on('close', (code) => fail(`the broker closed the connection with code ${code}.`));
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as BrokerToClient;
        if (frame.type === 'welcome') resolve(frame.regions);
        else if (frame.type === 'error')
          fail(`the broker refused the player's token or request: ${frame.code}. ${frame.message}`);
      });
    });
  } finally {
    socket.terminate();
  }
}
