import { TEST_CONFIG } from '../../../support/fleet/test-broker.js';
import { report, type Scenario, type Scene } from '../scene.js';

export const SESSIONS: readonly Scenario[] = [
  {
    title: 'Limits of a session',
    fleet: { config: `${TEST_CONFIG}tiers: { default: { idleMs: 900000, warnBeforeMs: [60000] } }\n` },
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const client = await scene.client('client');
      const matched = await scene.startSession(client, host);
      const { sessionId, epoch } = matched;
      scene.remark('14 minutes without input');
      host.send({ type: 'limit', sessionId, epoch, kind: 'idle', endsInMs: 60_000 });
      await client.receive('limit');
      scene.remark('input');
      host.send({ type: 'limit', sessionId, epoch, kind: 'idle', endsInMs: null });
      await client.receive('limit');
      scene.remark('14 minutes without input');
      host.send({ type: 'limit', sessionId, epoch, kind: 'idle', endsInMs: 60_000 });
      await client.receive('limit');
      scene.remark('another minute');
      host.send(report(matched, 'ended', { reason: 'idle' }));
      await client.receive('session');
    },
  },
  {
    title: 'Signals',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const client = await scene.client('client');
      const { sessionId, epoch } = await scene.startSession(client, host);
      client.send({ type: 'signal', sessionId, data: 'an SDP offer' });
      await host.receive('signal');
      host.send({ type: 'signal', sessionId, epoch, data: 'an SDP answer' });
      await client.receive('signal');
      await host.cut();
      await scene.withoutHosts();
      client.send({ type: 'signal', sessionId, data: 'a candidate' });
      await client.receive('error');
      client.send({ type: 'ping', id: 7 });
      await client.receive('pong');
    },
  },
];
