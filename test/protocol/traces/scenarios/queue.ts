import { IDLE_LOAD } from '../../../support/fleet/test-broker.js';
import { newSessionId } from '../../../support/fleet/fleet-data.js';
import { queueUp, acceptOffer } from '../../../support/fleet/test-fleet.js';
import { PLAY, hello, resumeWith, type Scenario, type Scene } from '../scene.js';

const ACCEPT = { type: 'accept', requestId: 'r1' } as const;
const CANCEL = { type: 'cancel', requestId: 'r1' } as const;

export const QUEUE: readonly Scenario[] = [
  {
    title: 'Queued, offered, matched',
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' }, 1);
      const bob = await scene.fleet.player('bob');
      await queueUp(bob, 'r1');
      const host = scene.trace('host', 'host', full);
      const client = await scene.client('client');
      client.send(PLAY);
      await client.receive('queued');
      scene.remark('the player ahead gives up');
      bob.send(CANCEL);
      await client.receive('queued');
      await full.free();
      scene.remark('a session ends');
      await client.receive('offer');
      client.send(ACCEPT);
      await client.receive('matched');
      await host.receive('prepare');
    },
  },
  {
    title: 'Offers that are missed',
    fleet: { limits: { offerMs: 400 } },
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' });
      const client = await scene.client('client');
      const bob = await scene.fleet.player('bob', { broker: 1 });
      client.send(PLAY);
      await client.receive('queued');
      await queueUp(bob, 'r1');
      await full.free();
      await client.receive('offer');
      scene.remark('`acceptWithinMs` pass');
      const { sessionId } = await acceptOffer(bob);
      await client.receive('queued');
      scene.remark('this `accept` crosses `queued`');
      client.send(ACCEPT);
      await client.receive('error');
      bob.send({ type: 'end', sessionId });
      scene.remark('the client misses a second offer');
      await client.receive('offer');
      await client.receive('error');
      client.send(PLAY);
      await client.receive('error');
    },
  },
  {
    title: 'Cancel while an offer is open',
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' }, 1);
      const client = await scene.client('client');
      const next = await scene.client('next', 'bob');
      client.send(PLAY);
      await client.receive('queued');
      next.send({ ...PLAY, requestId: 'r2' });
      await next.receive('queued');
      await full.free();
      await client.receive('offer');
      client.send(CANCEL);
      await client.receive('error');
      await next.receive('offer');
    },
  },
  {
    title: 'A lost connection in the queue',
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' }, 1);
      const { first, resumeToken } = await scene.quietly(async () => {
        const connected = await scene.connect('old');
        return { first: connected, resumeToken: await hello(connected) };
      });
      first.send(PLAY);
      await first.receive('queued');
      scene.remark('the connection hangs: the client opens another one');
      const second = await scene.connect('client', 1);
      const secondToken = await resumeWith(second, resumeToken);
      second.send(PLAY);
      await second.receive('queued');
      await first.receive('replaced');
      await full.free();
      await second.receive('offer');
      await second.cut();
      scene.remark('the client reconnects before the offer ends');
      const third = await scene.connect('client');
      await resumeWith(third, secondToken);
      third.send(PLAY);
      await third.receive('offer');
      third.send(ACCEPT);
      await third.receive('matched');
    },
  },
  {
    title: 'The slot is lost before the client claims it',
    async run(scene: Scene): Promise<void> {
      const full = await scene.fleet.fullHost({ hostId: 'h1' }, 1);
      const host = scene.trace('host', 'host', full);
      const client = await scene.client('client');
      await full.free();
      client.send(PLAY);
      await client.receive('matched');
      await host.receive('prepare');
      scene.remark('a failover lost s2, which uses the slot; the host reports it');
      const forgotten = { sessionId: newSessionId(), epoch: 1, state: 'connected' };
      host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [forgotten] });
      await client.receive('queued');
      host.send({ type: 'session', ...forgotten, state: 'ended', reason: 'host_ended' });
      await client.receive('offer');
      client.send(ACCEPT);
      await client.receive('matched');
      await host.receive('prepare');
    },
  },
];
