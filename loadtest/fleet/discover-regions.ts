import type { BrokerToClient, Device, RegionInfo } from '@duskline/protocol';
import { CLIENT_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { WebSocket } from 'ws';
import { LoadTestFailure } from './load-test-failure.js';

const DEADLINE_MS = 10_000;

/**
 * Says `hello` to a broker, and learns what regions there are.
 *
 * @throws LoadTestFailure that says what is wrong with the broker, or the token
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
      const deadline = setTimeout(() => fail('no broker answers there in time.'), DEADLINE_MS);
      deadline.unref();
      socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', token, device })));
      socket.on('error', (error) => fail(`no broker answers there (${error.message}).`));
      socket.on('close', (code) => fail(`the broker closed with ${code}.`));
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as BrokerToClient;
        if (frame.type === 'welcome') resolve(frame.regions);
        else if (frame.type === 'error')
          fail(`the broker refuses the player: ${frame.code}. ${frame.message}`);
      });
    });
  } finally {
    socket.terminate();
  }
}
