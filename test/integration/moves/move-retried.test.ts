import { expect } from 'chai';
import type { OrderTarget } from '@duskline/server/domain/drain.js';
import { waitUntil } from '../../support/time/eventually.js';
import { nextTurn } from '../../support/time/event-loop.js';
import { IDLE_LOAD } from '../../support/fleet/test-broker.js';
import { SingleMoveFleet, SESSION_STATE } from '../../support/moves/single-move-fleet.js';
import { TestFleet, play } from '../../support/fleet/test-fleet.js';

const SOURCE: OrderTarget = { region: 'near', pool: 'console-x', hostId: 'h1' };
const OPERATOR = { operatorId: 'ops', from: '127.0.0.1' };
const ORDER = {
  target: SOURCE,
  mode: 'move',
  atDeadline: 'end',
  deadlineMs: 3_600_000,
  yesEverything: false,
} as const;

describe('A session whose move was cancelled', function () {
  this.timeout(15_000);
  let moving: SingleMoveFleet;
  afterEach(() => moving.fleet.stop());

  for (const to of ['near', 'next'] as const) {
    it(`moves to the same host at the next attempt, under a new epoch, ${to === 'near' ? 'in its region' : 'to another region'}`, async () => {
      moving = await SingleMoveFleet.start({ to, brokers: 4 });
      const { fleet, source, target, player, sessionId } = moving;
      await moving.startMove();
      await moving.sendCheckpoint();
      await moving.reportRestored();
      player.send({ type: 'stay', sessionId, epoch: 2 });
      expect(await target.next('end')).to.include({ epoch: 2, reason: 'move_failed' });
      await source.next('resume');
      source.send({ type: 'session', sessionId, epoch: 1, state: 'connected' });
      await player.next('session', ({ state }) => state === 'connected');

      // Another broker runs the second attempt, without knowledge of the first one.
      const { operations } = fleet.broker(1).broker;
      await operations.undrain(SOURCE, OPERATOR);
      await operations.drain(ORDER, OPERATOR);
      expect(await source.next('checkpoint')).to.include({ sessionId, epoch: 1 });
      source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
      expect(await target.next('restore')).to.include({ sessionId, epoch: 3, state: SESSION_STATE });
      target.send({ type: 'restored', sessionId, epoch: 3 });
      expect(await player.next('moving')).to.include({ sessionId, epoch: 3, region: to });
      target.send({ type: 'session', sessionId, epoch: 3, state: 'active', restored: true });
      expect(await target.next('moved')).to.include({ sessionId, epoch: 3 });
      expect(await player.next('session', ({ epoch }) => epoch === 3)).to.include({ state: 'active' });
      expect(await source.next('end')).to.include({ epoch: 1, reason: 'superseded' });
    });
  }
});

describe('A session that two brokers want to move at the same time, to different regions', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  beforeEach(async () => {
    fleet = await TestFleet.start({ brokers: 2, limits: { moveStepMs: 4_000 } });
  });
  afterEach(() => fleet.stop());

  it('is moved by the first broker, and the second one does not interfere', async () => {
    const source = await fleet.host({ hostId: 'h1', slots: 1 });
    const player = await fleet.player('alice');
    play(player, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
    const { sessionId } = await player.next('matched');
    for (const state of ['active', 'connected']) source.send({ type: 'session', sessionId, epoch: 1, state });
    await player.next('session', ({ state }) => state === 'connected');
    const held = { sessionId, epoch: 1, state: 'connected', movable: true };
    source.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [held] });
    const [store] = fleet.stores;
    await waitUntil(async () => {
      const [session] = await store!.getSessions({ region: 'near', pool: 'console-x' }, [String(sessionId)]);
      return session?.movable === true;
    });
    // Each region has one free slot, so that a broker cannot move the session where the other broker has reserved the slot.
    const near = await fleet.host({ hostId: 'h2', slots: 1 });
    const next = await fleet.host({ hostId: 'h3', region: 'next', slots: 1 });
    // The drains of the region run on the broker that was started first.
    const { operations } = fleet.broker(1).broker;
    await operations.drain(ORDER, OPERATOR);
    await source.next('checkpoint');
    await waitUntil(async () => (await operations.moves(10)).some(({ outcome }) => outcome === 'failed'));
    source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
    expect(await near.next('restore')).to.include({ sessionId, epoch: 2 });
    near.send({ type: 'restored', sessionId, epoch: 2 });
    await player.next('moving');
    near.send({ type: 'session', sessionId, epoch: 2, state: 'active', restored: true });
    await near.next('moved');
    expect(await source.next('end')).to.include({ epoch: 1, reason: 'superseded' });
    expect(source.unread.map(({ type }) => type)).not.to.include('resume');
    expect(source.unread.map(({ type }) => type)).not.to.include('checkpoint');
    expect(next.unread.map(({ type }) => type)).not.to.include('restore');
  });
});

describe('A session that one broker moves while its client and its target host are on another broker', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  beforeEach(async () => {
    fleet = await TestFleet.start({ brokers: 2 });
  });
  afterEach(() => fleet.stop());

  for (const region of ['near', 'next'] as const) {
    it(`is reported to its client on the target host only, ${region === 'near' ? 'in its region' : 'in another region'}`, async () => {
      const source = await fleet.host({ hostId: 'h1', slots: 4 });
      const player = await fleet.player('alice', { broker: 1 });
      play(player, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
      const { sessionId } = await player.next('matched');
      const say = (state: string): void => source.send({ type: 'session', sessionId, epoch: 1, state });
      for (const state of ['active', 'connected']) say(state);
      await player.next('session', ({ state }) => state === 'connected');
      const held = { sessionId, epoch: 1, state: 'connected', movable: true };
      source.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [held] });
      await waitUntil(async () => {
        const [session] = await fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [
          String(sessionId),
        ]);
        return session?.movable === true;
      });
      const target = await fleet.host({ hostId: 'h2', region, slots: 4 }, 1);
      await fleet.broker(0).broker.operations.drain(ORDER, OPERATOR);
      await source.next('checkpoint');
      source.send({ type: 'checkpoint', sessionId, epoch: 1, state: SESSION_STATE });
      await target.next('restore');
      target.send({ type: 'restored', sessionId, epoch: 2 });
      await player.next('moving');
      // Hosts repeat this report until they receive `moved`.
      const arrive = (state: string): void =>
        target.send({ type: 'session', sessionId, epoch: 2, state, restored: true });
      arrive('active');
      for (let i = 0; i < 20; i += 1) {
        arrive('connected');
        await nextTurn();
      }
      await target.next('moved');
      await source.next('end');
      await player.next('session', ({ epoch, state }) => epoch === 2 && state === 'connected');
      expect(player.unread.filter(({ state }) => state === 'ended')).to.deep.equal([]);
      player.send({ type: 'end', sessionId });
      expect(await player.next('session', ({ state }) => state === 'ended')).to.include({
        reason: 'client_left',
      });
    });
  }
});
