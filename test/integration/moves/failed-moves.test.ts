import { expect } from 'chai';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD } from '../../support/fleet/test-broker.js';
import { SingleMoveFleet, SESSION_STATE } from '../../support/moves/single-move-fleet.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';

describe('A move that fails', function () {
  this.timeout(20_000);
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());
  const start = async (to: 'near' | 'next' = 'next'): Promise<void> => {
    moving = await SingleMoveFleet.start({ to, brokers: 4 });
  };

  /** Expects that the session continues on the source host, and that no slot is reserved on the target host any more. */
  async function expectContinued(): Promise<void> {
    const { source, player, sessionId, fleet, to } = moving;
    expect(await source.next('resume')).to.include({ sessionId, epoch: 1 });
    source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
    const [record] = await fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [sessionId]);
    expect(record).to.include({ hostId: 'h1', epoch: 1 });
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

      it('because the source host cannot move the session', async () => {
        await moving.startMove();
        const { source, player, sessionId } = moving;
        source.send({ type: 'cannot_move', sessionId, epoch: 1, reason: 'no save point is near' });
        await expectContinued();
        expect(player.unread.map(({ type }) => type)).not.to.include('moving');
      });

      it('because the source host is too slow: its late checkpoint is refused with NO_MOVE', async () => {
        await moving.startMove();
        const { source, sessionId } = moving;
        await source.next('resume');
        source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
        expect(await source.next('error')).to.include({ code: 'NO_MOVE', sessionId });
      });

      it('because the target host cannot restore the session', async () => {
        await moving.startMove();
        const { target, player, sessionId } = moving;
        await moving.sendCheckpoint();
        expect(await player.next('session')).to.include({ state: 'moving' });
        target.send({ type: 'cannot_move', sessionId, epoch: 2 });
        await expectContinued();
      });

      it('because the target host is too slow: its late `restored` is refused with NO_MOVE', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        const { target, sessionId } = moving;
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        target.send({ type: 'restored', sessionId, epoch: 2 });
        expect(await target.next('error')).to.include({ code: 'NO_MOVE', sessionId });
        await expectContinued();
      });

      it('because the client declines it with `stay`', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { target, player, sessionId } = moving;
        player.send({ type: 'stay', sessionId, epoch: 2 });
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        await expectContinued();
      });

      it('because the client does not connect in time: the target host gets `end`, also when the client connects later', async () => {
        await moving.startMove();
        await moving.sendCheckpoint();
        await moving.reportRestored();
        const { target, sessionId } = moving;
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        moving.claimAtTarget();
        expect(await target.next('end')).to.include({ sessionId, epoch: 2, reason: 'move_failed' });
        await expectContinued();
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

  it('because the checkpoint is too large, but not because of a checkpoint with a wrong epoch before it', async () => {
    await start();
    await moving.startMove();
    const { source, sessionId } = moving;
    const sendCheckpoint = (change: object): void =>
      source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE, ...change });
    sendCheckpoint({ epoch: 2 });
    expect(await source.next('error')).to.include({ code: 'NO_MOVE', sessionId });
    sendCheckpoint({ state: Buffer.alloc(262_145).toString('base64') });
    expect(await source.next('error')).to.include({ code: 'CHECKPOINT_TOO_LARGE', sessionId });
    await expectContinued();
  });
});

describe('A checkpoint', () => {
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());

  it('may be exactly 256 KiB long', async () => {
    moving = await SingleMoveFleet.start({ to: 'next', brokers: 4 });
    await moving.startMove();
    const state = Buffer.alloc(262_144, 7).toString('base64');
    expect((await moving.sendCheckpoint({ state }))['state']).to.equal(state);
  });

  it('may be a reference, which reaches the target host unchanged', async () => {
    moving = await SingleMoveFleet.start({ to: 'near', brokers: 4 });
    await moving.startMove();
    const restore = await moving.sendCheckpoint({ reference: 's3://saves/42' });
    expect(restore).to.include({ reference: 's3://saves/42' });
    expect(restore).not.to.have.property('state');
  });
});

describe('Messages about a move', () => {
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());

  it('are refused with NO_MOVE when the session does not move', async () => {
    moving = await SingleMoveFleet.start({ to: 'next', brokers: 4 });
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
      source.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: held });
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
      // No further move is tried in later rounds, except for one that may have been on its way.
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
