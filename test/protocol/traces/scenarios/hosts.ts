import { IDLE_LOAD } from '../../../support/fleet/test-broker.js';
import { keepSendingHeartbeats, play } from '../../../support/fleet/test-fleet.js';
import { report, type Scenario, type Scene } from '../scene.js';

export const HOSTS: readonly Scenario[] = [
  {
    title: 'A host reconnects with its sessions',
    async run(scene: Scene): Promise<void> {
      const before = await scene.host('host', { hostId: 'h1', slots: 2 });
      const client = await scene.client('client');
      const { sessionId, epoch } = await scene.startSession(client, before);
      await before.cut();
      scene.remark('meanwhile a broker matches another player with this host');
      const bob = await scene.fleet.player('bob');
      play(bob, 'r1');
      await bob.next('matched');
      scene.remark('to any broker');
      const sessions = [{ sessionId, epoch, state: 'disconnected' }];
      const back = await scene.register('host', { hostId: 'h1', slots: 2, broker: 0, sessions });
      await back.receive('prepare');
      back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      await client.receive('session');
    },
  },
  {
    title: "A host's connection is replaced, and the host leaves",
    async run(scene: Scene): Promise<void> {
      const older = await scene.host('older');
      const client = await scene.client('client');
      const { sessionId, epoch } = await scene.startSession(client, older);
      const sessions = [{ sessionId, epoch, state: 'connected' }];
      const newer = await scene.register('newer', { hostId: 'h1', sessions });
      await older.receive('error');
      await older.closed(4409);
      await scene.sendHeartbeat(newer, 'h1', sessions);
      newer.send({ type: 'leave' });
      await client.receive('session');
      await newer.closed(1000);
    },
  },
  {
    title: 'The host is lost',
    fleet: { limits: { suspectAfterMs: 250, lostAfterMs: 500, sweepIntervalMs: 50, sweepGapMs: 100 } },
    async run(scene: Scene): Promise<void> {
      const h1 = await scene.host('h1');
      const client = await scene.client('client');
      await scene.startSession(client, h1);
      await h1.cut();
      const h2 = await scene.host('h2', { hostId: 'h2' });
      const fallSilent = keepSendingHeartbeats(h2.peer);
      scene.remark('`lostAfterMs` pass, and another host has a free slot');
      const again = await client.receive('matched');
      await h2.receive('prepare');
      fallSilent();
      h2.send(report(again, 'active'));
      await client.receive('session');
      await h2.cut();
      scene.remark('no host has a free slot');
      await client.receive('session');
    },
  },
];
