import { PLAY, report, type Scenario, type Scene } from '../scene.js';

export const REQUESTS: readonly Scenario[] = [
  {
    title: 'No slot is free, and the client does not wait',
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' }, 1);
      const client = await scene.client('client');
      const impatient = { ...PLAY, wait: false };
      client.send(impatient);
      await client.receive('error');
      await full.free();
      scene.remark('`retryAfterMs` later');
      client.send(impatient);
      await client.receive('matched');
    },
  },
  {
    title: 'Cancel, before the match and after it',
    oneBrokerBecause:
      'the broker of the host may or may not see the slot of r1 between its reservation and its release, so prepare and end may pass',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const client = await scene.client('client');
      client.sendTogether(PLAY, { type: 'cancel', requestId: 'r1' });
      await client.receive('error');
      client.send({ ...PLAY, requestId: 'r2' });
      await client.receive('matched');
      await host.receive('prepare');
      client.send({ type: 'cancel', requestId: 'r2' });
      await client.receive('session');
      await client.receive('error');
      await host.receive('end');
    },
  },
  {
    title: 'Client and host end a session at once',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const client = await scene.client('client');
      client.send(PLAY);
      const first = await client.receive('matched');
      await host.receive('prepare');
      client.send({ type: 'end', sessionId: first['sessionId'] });
      await client.receive('session');
      await host.receive('end');
      scene.remark('the report of the host crosses `end`; the broker does not answer it');
      host.send(report(first, 'ended', { reason: 'host_ended' }));
      scene.remark('now the host ends the session first');
      client.send({ ...PLAY, requestId: 'r2' });
      const second = await client.receive('matched');
      await host.receive('prepare');
      host.send(report(second, 'active'));
      await client.receive('session');
      host.send(report(second, 'ended', { reason: 'host_ended' }));
      await client.receive('session');
      client.send({ type: 'end', sessionId: second['sessionId'] });
      await client.receive('error');
    },
  },
  {
    title: 'The reservation expires while the client claims it',
    fleet: { limits: { reservationMs: 300 } },
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const client = await scene.client('client');
      client.send(PLAY);
      const matched = await client.receive('matched');
      await host.receive('prepare');
      scene.remark('`claimWithinMs` pass');
      await client.receive('session');
      await host.receive('end');
      scene.remark('the report of the host crosses `end`');
      host.send(report(matched, 'active'));
      await host.receive('end');
    },
  },
];
