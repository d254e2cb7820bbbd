import { createSecretKey } from 'node:crypto';
import { createTokenSigner } from '@duskline/server/auth/token-signer.js';
import { TEST_DEVICE, TEST_ENV } from '../../../support/fleet/test-broker.js';
import { PLAY, hello, report, resumeWith, type Scenario, type Scene } from '../scene.js';

export const CONNECTIONS: readonly Scenario[] = [
  {
    title: 'A match',
    async run(scene: Scene): Promise<void> {
      const host = await scene.register('host', { hostId: 'h1', slots: 4 });
      await scene.sendHeartbeat(host, 'h1');
      const client = await scene.connect('client');
      await hello(client);
      scene.remark('the client measures a few regions');
      client.send(PLAY);
      const matched = await client.receive('matched');
      await host.receive('prepare');
      scene.remark('the host accepts the ticket of the client');
      host.send(report(matched, 'active'));
      await client.receive('session');
      host.send(report(matched, 'connected'));
      await client.receive('session');
      client.send({ type: 'end', sessionId: matched['sessionId'] });
      await client.receive('session');
      await host.receive('end');
    },
  },
  {
    title: 'A lost connection while playing',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const { client, resumeToken } = await scene.quietly(async () => {
        const connected = await scene.connect('client');
        return { client: connected, resumeToken: await hello(connected) };
      });
      await scene.startSession(client, host);
      await client.cut();
      scene.remark('to any broker');
      const back = await scene.connect('client', 1);
      await resumeWith(back, resumeToken);
      back.send(PLAY);
      await back.receive('matched');
      await back.receive('session');
    },
  },
  {
    title: 'Tokens that are refused',
    async run(scene: Scene): Promise<void> {
      const { resumeToken } = await scene.quietly(async () => {
        const before = await scene.connect('client');
        const token = await hello(before);
        await before.cut();
        return { resumeToken: token };
      });
      scene.remark('a broker accepted t1, but its `welcome` was lost');
      await scene.quietly(async () => {
        const unheard = await scene.connect('client');
        await resumeWith(unheard, resumeToken);
        await unheard.cut();
      });
      const second = await scene.connect('client', 1);
      second.send({ type: 'hello', resumeToken, device: TEST_DEVICE });
      await second.receive('error');
      await second.closed(4401);
      scene.remark('at once, with an expired player token');
      const third = await scene.connect('client', 1);
      const key = createSecretKey(Buffer.from(TEST_ENV.DUSKLINE_AUTH_SECRET));
      const signer = createTokenSigner({
        key,
        algorithm: 'HS256',
        clock: { wallMs: () => Date.now() - 7_200_000 },
      });
      const token = signer.sign({ kind: 'player', playerId: 'alice' }, 3_600_000);
      third.send({ type: 'hello', token, device: TEST_DEVICE });
      await third.receive('error');
      await third.closed(4401);
      scene.remark('with a new player token');
      await hello(await scene.connect('client', 1));
    },
  },
  {
    title: 'The broker stops',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host', { hostId: 'h1', broker: 0 });
      const client = await scene.client('client');
      await scene.fleet.broker(0).stop();
      for (const peer of [client, host]) {
        await peer.receive('error');
        await peer.closed(1001);
      }
    },
  },
];
