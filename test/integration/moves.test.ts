import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { waitUntil } from '../support/eventually.js';
import { IDLE, openHost } from '../support/fleet/test-broker.js';
import { SingleMoveFleet, SESSION_STATE } from '../support/moves/single-move-fleet.js';
import { TestFleet, play } from '../support/fleet/test-fleet.js';

for (const [where, brokers] of [
  ['on one broker', 1],
  ['on four brokers', 4],
] as const) {
  for (const to of ['near', 'next'] as const) {
    describe(`A session that moves to ${to === 'near' ? 'another host of its region' : 'another region'} ${where}`, function () {
      this.timeout(15_000);
      let moving: SingleMoveFleet;
      beforeEach(async () => {
        moving = await SingleMoveFleet.start({ to, brokers });
      });
      afterEach(() => moving.fleet.stop());

      it('is checkpointed, restored, followed by its client, and ended on the old host', async () => {
        const { source, target, player, sessionId, fleet } = moving;
        expect(await moving.startMove()).to.include({ sessionId, epoch: 1, withinMs: 1_000, stillMs: 6_000 });
        expect(await moving.sendCheckpoint()).to.include({
          sessionId,
          epoch: 2,
          state: SESSION_STATE,
          playerId: 'alice',
        });
        expect(await player.next('session')).to.include({ epoch: 1, state: 'moving' });
        const frame = await moving.ready();
        expect(frame).to.deep.include({
          requestId: 'r1',
          sessionId,
          epoch: 2,
          region: to,
          host: { hostId: 'h2', endpoint: 'ws://127.0.0.1:1/stream/h2' },
          claimWithinMs: 1_000,
        });
        // Hosts say both in one breath.
        moving.claimAtTarget();
        target.send({ type: 'session', sessionId, epoch: 2, state: 'connected', restored: true });
        expect(await target.next('moved')).to.include({ sessionId, epoch: 2 });
        const told = await player.next('session', ({ epoch }) => epoch === 2);
        if (told['state'] === 'active')
          expect(await player.next('session')).to.include({ state: 'connected' });
        expect(await source.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
        const status = await fleet.broker(0).broker.status();
        const hosts = status.regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
        expect(hosts.map(({ hostId, sessions }) => [hostId, sessions])).to.have.deep.members([
          ['h1', 0],
          ['h2', 1],
        ]);
        await waitUntil(async () => {
          const [drain] = await fleet.broker(3).broker.operations.drains();
          return drain?.state === 'done' && drain.progress.moved === 1;
        });
        // Its player may leave it as any other.
        player.send({ type: 'end', sessionId });
        expect(await player.next('session')).to.include({ epoch: 2, state: 'ended', reason: 'client_left' });
        expect(await target.next('end')).to.include({ epoch: 2, reason: 'client_left' });
        expect(player.unread.filter(({ type }) => type === 'session' || type === 'matched')).to.deep.equal(
          [],
        );
      });
    });
  }
}

describe('A move whose restoration takes long', function () {
  this.timeout(20_000);

  it('succeeds if the target host answers within the time of `restore`, which is twice that of a checkpoint', async () => {
    const moving = await SingleMoveFleet.start({ to: 'next', brokers: 4 });
    try {
      const { withinMs } = await moving.startMove();
      expect(withinMs).to.equal(1_000);
      const order = await moving.sendCheckpoint();
      expect(order).to.include({ withinMs: 2_000 });
      expect(order['claimWithinMs']).to.be.at.least(3_000);
      // The game needs this time to start from its checkpoint.
      await delay(1_400);
      expect(await moving.ready()).to.include({ epoch: 2, claimWithinMs: 1_000 });
      // A host repeats an answer that it may have sent over a lost connection.
      moving.target.send({ type: 'restored', sessionId: moving.sessionId, epoch: 2 });
      // The client has its own time after that.
      await delay(800);
      moving.claimAtTarget();
      expect(await moving.target.next('moved')).to.include({ epoch: 2 });
    } finally {
      await moving.fleet.stop();
    }
  });
});

describe('A move that fails', function () {
  this.timeout(20_000);
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());
  const start = async (to: 'near' | 'next' = 'next'): Promise<void> => {
    moving = await SingleMoveFleet.start({ to, brokers: 4 });
  };

  /** The old host is told to go on, and does; nothing is held for the session any more. */
  async function goesOn(): Promise<void> {
    const { source, player, sessionId, fleet, to } = moving;
    expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
    source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    const told = await fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [sessionId]);
    expect(told[0]).to.include({ hostId: 'h1', epoch: 1 });
    await waitUntil(async () => (await committedOn(fleet, to, 'h2')) === 0);
    player.send({ type: 'end', sessionId });
    expect(await player.next('session', ({ state }) => state === 'ended')).to.include({
      epoch: 1,
      reason: 'client_left',
    });
    expect(await source.next('end')).to.include({ epoch: 1, reason: 'client_left' });
  }

  for (const to of ['near', 'next'] as const) {
    describe(`to ${to === 'near' ? 'another host of its region' : 'another region'}`, () => {
      beforeEach(() => start(to));

      it('because the old host cannot move the session', async () => {
        await moving.startMove();
        const { source, player, sessionId } = moving;
        source.send({ type: 'cannot_move', sessionId, epoch: 1, reason: 'no save point is near' });
        await goesOn();
        expect(player.unread.map(({ type }) => type)).not.to.include('moving');
      });

      it('because the old host is too slow: its late checkpoint is refused with NO_MOVE', async () => {
        await moving.startMove();
        const { source, sessionId } = moving;
        await source.next('resume');
        source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
        expect(await source.next('error')).to.include({ code: 'NO_MOVE', sessionId });
      });

      it('because the new host is too slow: its late `restored` is refused with NO_MOVE', async () => {
        await moving.startMove();
        const { target, sessionId } = moving;
        await moving.sendCheckpoint();
        expect(await target.next('end')).to.include({ epoch: 2, reason: 'move_failed' });
        target.send({ type: 'restored', sessionId, epoch: 2 });
        expect(await target.next('error')).to.include({ code: 'NO_MOVE', sessionId });
        await goesOn();
      });

      it('because the new host cannot restore the session', async () => {
        await moving.startMove();
        const { target, player, sessionId } = moving;
        await moving.sendCheckpoint();
        expect(await player.next('session')).to.include({ state: 'moving' });
        target.send({ type: 'cannot_move', sessionId, epoch: 2 });
        await goesOn();
      });

      it('because the new host is too slow: its late `restored` is refused with NO_MOVE', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        const { target, sessionId } = moving;
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        target.send({ type: 'restored', sessionId, epoch: 2 });
        expect(await target.next('error')).to.include({ code: 'NO_MOVE', sessionId });
        await goesOn();
      });

      it('because the client stays', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        await moving.ready();
        const { target, player, sessionId } = moving;
        player.send({ type: 'stay', sessionId, epoch: 2 });
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        await goesOn();
      });

      it('because the client does not connect in time: the new host must reject it afterwards, and the old host continues', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        await moving.ready();
        const { target, sessionId } = moving;
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        moving.claimAtTarget();
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        await goesOn();
      });
    });
  }

  it('is tried again after a while, under a higher epoch', async () => {
    await start('near');
    await moving.startMove();
    const { source, target, sessionId } = moving;
    await moving.sendCheckpoint();
    target.send({ type: 'cannot_move', sessionId, epoch: 2 });
    await source.next('resume');
    source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    await source.next('checkpoint');
    source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
    expect(await target.next('restore')).to.include({ sessionId, epoch: 3 });
    target.send({ type: 'restored', sessionId, epoch: 3 });
    await moving.player.next('moving', ({ epoch }) => epoch === 3);
    target.send({ type: 'session', sessionId, epoch: 3, state: 'active', restored: true });
    expect(await target.next('moved')).to.include({ epoch: 3 });
    expect(await source.next('end')).to.include({ epoch: 1, reason: 'superseded' });
  });

  it('because the checkpoint is too large, after one of a wrong epoch was refused', async () => {
    await start();
    await moving.startMove();
    const { source, sessionId } = moving;
    const say = (change: object): void =>
      source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE, ...change });
    say({ epoch: 2 });
    expect(await source.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    say({ state: Buffer.alloc(262_145).toString('base64') });
    expect(await source.next('error')).to.include({ code: 'CHECKPOINT_TOO_LARGE', sessionId });
    await goesOn();
  });

  it('is not caused by a checkpoint of exactly 256 KiB', async () => {
    await start();
    await moving.startMove();
    const state = Buffer.alloc(262_144, 7).toString('base64');
    expect((await moving.sendCheckpoint({ state }))['state']).to.equal(state);
  });

  it('is not caused by a reference, which reaches the new host unchanged', async () => {
    await start('near');
    await moving.startMove();
    const restore = await moving.sendCheckpoint({ reference: 's3://saves/42' });
    expect(restore).to.include({ reference: 's3://saves/42' });
    expect(restore).not.to.have.property('state');
  });

  it('is not possible for hosts and clients outside of a move: their messages are refused with NO_MOVE', async () => {
    await start();
    const { source, target, player, sessionId } = moving;
    source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
    expect(await source.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    target.send({ type: 'restored', sessionId, epoch: 2 });
    expect(await target.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    target.send({ type: 'cannot_move', sessionId, epoch: 2 });
    expect(await target.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    player.send({ type: 'stay', sessionId, epoch: 2 });
    expect(await player.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    player.send({ type: 'stay', sessionId: '019a0000-0000-7000-8000-000000000001', epoch: 2 });
    expect(await player.next('error')).to.include({ code: 'UNKNOWN_SESSION' });
  });
});

describe('A move during which a party disconnects', function () {
  this.timeout(20_000);
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());

  for (const to of ['near', 'next'] as const) {
    describe(`to ${to === 'near' ? 'another host of its region' : 'another region'}`, () => {
      beforeEach(async () => {
        moving = await SingleMoveFleet.start({ to, brokers: 4 });
        await moving.startMove();
      });

      it('reaches a client that changes its broker during the move', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { player, fleet, sessionId } = moving;
        player.socket.terminate();
        const again = await fleet.player('alice', { broker: 3 });
        play(again, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
        expect(await again.next('matched')).to.include({ sessionId, epoch: 1 });
        moving.claimAtTarget();
        expect(await again.next('matched')).to.deep.include({
          sessionId,
          epoch: 2,
          region: to,
          host: { hostId: 'h2', endpoint: 'ws://127.0.0.1:1/stream/h2' },
        });
        expect(await again.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
      });

      it('is found by a client that reconnects after it', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { player, fleet, target, sessionId } = moving;
        player.socket.terminate();
        moving.claimAtTarget();
        await target.next('moved');
        const again = await fleet.player('alice', { broker: 3 });
        play(again, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
        expect(await again.next('matched')).to.include({ sessionId, epoch: 2, region: to });
      });

      it('succeeds when the old host has disconnected, and its copy ends when it returns', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { source, fleet, target, player, sessionId } = moving;
        source.socket.terminate();
        moving.claimAtTarget();
        await target.next('moved');
        expect(await player.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
        const held = { sessionId, epoch: 1, state: 'moving' };
        const back = await openHost(fleet.broker(2).url, { hostId: 'h1', slots: 2, sessions: [held] });
        back.send({ type: 'heartbeat', load: IDLE, sessions: [held] });
        expect(await back.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
      });

      it('succeeds when the new host changes its broker, which answers every repeated report with `moved`', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { fleet, target, player, sessionId } = moving;
        target.socket.terminate();
        const held = { sessionId, epoch: 2, state: 'active' };
        const options = { hostId: 'h2', region: to, slots: 2, sessions: [held] };
        const back = await openHost(fleet.broker(3).url, options);
        back.send({ type: 'session', ...held, restored: true });
        expect(await back.next('moved')).to.include({ sessionId, epoch: 2 });
        expect(await player.next('session', ({ epoch }) => epoch === 2)).to.include({ state: 'active' });
        back.socket.terminate();
        const again = await openHost(fleet.broker(0).url, options);
        again.send({ type: 'session', ...held, restored: true });
        expect(await again.next('moved')).to.include({ sessionId, epoch: 2 });
      });

      it('is cancelled when the new host has lost the restored session', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { source, target, player, sessionId } = moving;
        target.send({ type: 'session', sessionId, epoch: 2, state: 'active' });
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
        expect(await player.next('session', ({ state }) => state === 'connected')).to.include({ epoch: 1 });
      });

      it('is cancelled at once when the new host ends the restored session, or leaves', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { source, target, sessionId } = moving;
        const beganAt = performance.now();
        if (to === 'near')
          target.send({ type: 'session', sessionId, epoch: 2, state: 'ended', reason: 'error' });
        else target.send({ type: 'leave' });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        expect(performance.now() - beganAt).to.be.below(900);
      });

      it('reports a client that the old host lost only after the move has failed', async () => {
        await moving.sendCheckpoint();
        await moving.ready();
        const { source, player, sessionId } = moving;
        source.send({ type: 'session', sessionId, epoch: 1, state: 'disconnected' });
        await source.next('resume');
        expect(await player.next('session', ({ state }) => state !== 'moving')).to.include({
          epoch: 1,
          state: 'disconnected',
        });
      });

      it('is cancelled when the client is disconnected at the time it should move', async () => {
        await moving.sendCheckpoint();
        const { player, source, target, sessionId } = moving;
        player.socket.terminate();
        target.send({ type: 'restored', sessionId, epoch: 2 });
        expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
        expect(await target.next('end')).to.include({ epoch: 2, reason: 'move_failed' });
      });
    });
  }
});

describe('A host that fails every move', function () {
  this.timeout(20_000);
  it('is excluded from moves after the third failure', async () => {
    const fleet = await TestFleet.start({ limits: { moveStepMs: 1_000 } });
    try {
      const source = await fleet.host({ hostId: 'h1', slots: 8 });
      const held: object[] = [];
      for (let i = 0; i < 5; i += 1) {
        const player = await fleet.player(`player-${i}`);
        play(player, 'r1', { canMove: true });
        const { sessionId } = await player.next('matched');
        await source.next('prepare');
        for (const state of ['active', 'connected'])
          source.send({ type: 'session', sessionId, epoch: 1, state });
        await player.next('session', (frame) => frame['state'] === 'connected');
        held.push({ sessionId, epoch: 1, state: 'connected', movable: true });
      }
      source.send({ type: 'heartbeat', load: IDLE, sessions: held });
      await fleet.host({ hostId: 'h2', slots: 8 });
      const target = { region: 'near', pool: 'console-x', hostId: 'h1' };
      const order = {
        target,
        mode: 'move',
        atDeadline: 'end',
        deadlineMs: 3_600_000,
        yesEverything: false,
      } as const;
      await fleet.broker(0).broker.operations.drain(order, { operatorId: 'ops', from: '127.0.0.1' });
      for (let i = 0; i < 3; i += 1) {
        const { sessionId } = await source.next('checkpoint');
        source.send({ type: 'cannot_move', sessionId, epoch: 1 });
      }
      await waitUntil(async () => {
        const moves = await fleet.broker(0).broker.operations.moves(10);
        return moves.filter(({ outcome }) => outcome === 'failed').length >= 3;
      });
      // Rounds later nothing more was asked of it, but what was on its way.
      const asked = source.unread.filter(({ type }) => type === 'checkpoint').length;
      await waitUntil(async () => {
        const [drain] = await fleet.broker(0).broker.operations.drains();
        return drain?.progress.staying === 5;
      });
      expect(asked).to.be.at.most(1);
    } finally {
      await fleet.stop();
    }
  });
});

async function committedOn(fleet: TestFleet, region: string, hostId: string): Promise<number | undefined> {
  const hosts = await fleet.stores[0]!.listHosts({ region, pool: 'console-x' });
  return hosts.find((host) => host.hostId === hostId)?.committed;
}
