import type { OrderTarget } from '@duskline/server/domain/drain.js';
import type { Frame } from '../../../support/fleet/peer.js';
import { waitUntil } from '../../../support/time/eventually.js';
import { report, type Scenario, type Scene } from '../scene.js';
import type { TracedPeer } from '../traced-peer.js';

/** State that the source host hands over: `{"count":42}`. */
const STATE = 'eyJjb3VudCI6NDJ9';

interface MovableSession {
  readonly h1: TracedPeer;
  readonly h2: TracedPeer;
  readonly client: TracedPeer;
  readonly matched: Frame;
}

/** A running session on h1 that can move to h2, and a drain of h1. */
async function startMove(scene: Scene): Promise<MovableSession> {
  const h1 = await scene.host('h1');
  const client = await scene.client('client');
  const matched = await scene.startSession(client, h1, { canMove: true });
  const h2 = await scene.host('h2', { hostId: 'h2', broker: 0 });
  const { sessionId, epoch } = matched;
  await scene.sendHeartbeat(h1, 'h1', [{ sessionId, epoch, state: 'connected', movable: true }]);
  await waitUntil(async () => {
    const regionPool = { region: 'near', pool: 'console-x' };
    const [session] = await scene.fleet.stores[0]!.getSessions(regionPool, [String(sessionId)]);
    return session?.movable === true;
  });
  scene.remark('operators drain h1');
  const target: OrderTarget = { region: 'near', pool: 'console-x', hostId: 'h1' };
  const terms = { mode: 'move', atDeadline: 'end', deadlineMs: 3_600_000, yesEverything: false } as const;
  const by = { operatorId: 'ops', from: '127.0.0.1' };
  await scene.fleet.broker(0).broker.operations.drain({ target, ...terms }, by);
  await h1.receive('checkpoint');
  return { h1, h2, client, matched };
}

/** The source host sends the state, the target host restores it, and the client gets `moving`. */
async function offerMove({ h1, h2, client, matched }: MovableSession): Promise<Frame> {
  const { sessionId, epoch } = matched;
  h1.send({ type: 'checkpoint', sessionId, epoch, state: STATE });
  await client.receive('session');
  const { epoch: newEpoch } = await h2.receive('restore');
  h2.send({ type: 'restored', sessionId, epoch: newEpoch });
  return client.receive('moving');
}

export const MOVES: readonly Scenario[] = [
  {
    title: 'A session moves',
    async run(scene: Scene): Promise<void> {
      const parties = await startMove(scene);
      const { h1, h2, client } = parties;
      const moving = await offerMove(parties);
      scene.remark('h2 accepts the ticket');
      h2.send(report(moving, 'active', { restored: true }));
      await h2.receive('moved');
      await client.receive('session');
      await h1.receive('end');
    },
  },
  {
    title: 'A move that is cancelled',
    async run(scene: Scene): Promise<void> {
      const { parties, moving } = await scene.quietly(async () => {
        const started = await startMove(scene);
        return { parties: started, moving: await offerMove(started) };
      });
      const { h1, h2, client, matched } = parties;
      scene.remark('as in scenario 21 until `moving`; the client cannot reach h2');
      client.send({ type: 'stay', sessionId: moving['sessionId'], epoch: moving['epoch'] });
      await h2.receive('end');
      await h1.receive('resume');
      h1.send(report(matched, 'connected'));
      await client.receive('session');
    },
  },
  {
    title: 'A move that the host declines',
    async run(scene: Scene): Promise<void> {
      const { h1, matched } = await scene.quietly(() => startMove(scene));
      const { sessionId, epoch } = matched;
      scene.remark('as in scenario 21 until `checkpoint`');
      h1.send({ type: 'cannot_move', sessionId, epoch, reason: 'no save point is near' });
      await h1.receive('resume');
      h1.send(report(matched, 'connected'));
    },
  },
];
