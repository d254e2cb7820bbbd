import { expect } from 'chai';
import { createClient, type Client, type QueueState } from '@duskline/client/node';
import { waitUntil } from '../../support/time/eventually.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { IDLE_LOAD, SHORT_INTERVALS, TEST_DEVICE, testToken } from '../../support/fleet/test-broker.js';
import { sessionIdOf } from '../../support/fleet/fleet-data.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import {
  startFullFleet,
  type TestFleet,
  play,
  queueUp,
  acceptOffer,
  type FullHost,
} from '../../support/fleet/test-fleet.js';

/** A session that runs on the host, but that the store does not know, as after a failover. */
const FORGOTTEN = { sessionId: sessionIdOf(7), epoch: 1, state: 'connected' };

describe('A player whose reservation was lost before the host admitted the player', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let host: FullHost;
  afterEach(() => fleet.stop());

  /** Alice gets the only slot after a wait. Bob waits behind her. */
  async function reserved(change: object = {}): Promise<{ alice: Peer; bob: Peer; matched: Frame }> {
    const alice = await fleet.player('alice', { broker: 1 });
    const bob = await fleet.player('bob');
    await queueUp(alice, 'r1', change);
    expect(await queueUp(bob, 'r1')).to.include({ position: 2 });
    await host.free();
    const matched = await acceptOffer(alice);
    expect(await bob.next('queued')).to.include({ position: 1 });
    return { alice, bob, matched };
  }

  /** The host reports the unknown session, which takes the slot of the reservation. */
  function loseSlot(): void {
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [FORGOTTEN] });
  }

  /** The session that took the slot ends. */
  function freeSlot(): void {
    host.send({ type: 'session', ...FORGOTTEN, state: 'ended', reason: 'host_ended' });
  }

  for (const [where, brokers] of [
    ['on one broker', 1],
    ['on two brokers', 2],
  ] as const) {
    it(`is queued again ahead of later players, and gets the next slot, ${where}`, async () => {
      ({ fleet, host } = await startFullFleet({ brokers }));
      const { alice, bob, matched } = await reserved();
      loseSlot();
      expect(await alice.next('queued')).to.include({ requestId: 'r1', position: 1, region: 'near' });
      expect(await bob.next('queued')).to.include({ position: 2 });
      freeSlot();
      const { sessionId, epoch } = matched;
      const again = await acceptOffer(alice);
      expect(again).to.include({ requestId: 'r1', sessionId });
      expect(again['epoch']).to.be.above(Number(epoch));
      expect(await host.next('prepare', (frame) => Number(frame['epoch']) > Number(epoch))).to.include({
        sessionId,
        playerId: 'alice',
      });
      // Bob moves up. The broker sends his position when the next update is due.
      expect(await bob.next('queued', ({ position }) => position === 1)).to.include({ region: 'near' });
      expect([...alice.unread, ...bob.unread.filter(({ type }) => type !== 'queued')]).to.deep.equal([]);
    });
  }

  for (const change of [{ onHostLost: 'end' }, { wait: false }]) {
    it(`is notified of the end with ${JSON.stringify(change)}`, async () => {
      ({ fleet, host } = await startFullFleet());
      const alice = await fleet.player('alice');
      await host.free();
      play(alice, 'r1', change);
      const { sessionId } = await alice.next('matched');
      loseSlot();
      expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
      expect(alice.unread).to.deep.equal([]);
    });
  }

  it('keeps the position over a lost socket', async () => {
    ({ fleet, host } = await startFullFleet({ brokers: 2 }));
    const { alice, matched } = await reserved();
    loseSlot();
    await alice.next('queued');
    alice.terminate();
    const back = await fleet.player('alice');
    play(back, 'r1', { wait: false });
    expect(await back.next('queued')).to.include({ requestId: 'r1', position: 1 });
    freeSlot();
    expect(await acceptOffer(back)).to.include({ sessionId: matched['sessionId'] });
  });

  it('keeps the position over a socket that is lost for longer than a broker needs to place a session', async () => {
    ({ fleet, host } = await startFullFleet({
      brokers: 2,
      intervals: { ...SHORT_INTERVALS, requestGraceMs: 20 },
    }));
    const { alice, matched } = await reserved();
    loseSlot();
    await alice.next('queued');
    alice.terminate();
    await letTimePass(50);
    const back = await fleet.player('alice');
    play(back, 'r1');
    expect(await back.next('queued')).to.include({ requestId: 'r1', position: 1 });
    freeSlot();
    expect(await acceptOffer(back)).to.include({ sessionId: matched['sessionId'] });
  });

  for (const [how, frame] of [
    ['cancel', { requestId: 'r1' }],
    ['end', {}],
  ] as const) {
    it(`leaves the queue with ${how}, and the next in line is served`, async () => {
      ({ fleet, host } = await startFullFleet());
      const { alice, bob, matched } = await reserved();
      const { sessionId } = matched;
      loseSlot();
      await alice.next('queued');
      alice.send({ type: how, ...(how === 'end' ? { sessionId } : frame) });
      expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
      expect(await alice.next('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
      freeSlot();
      expect(await acceptOffer(bob)).to.include({ region: 'near' });
      expect(alice.unread).to.deep.equal([]);
    });
  }

  for (const [where, brokers] of [
    ['on the same broker', 1],
    ['on another broker', 2],
  ] as const) {
    it(`is told that the request was cancelled on another connection, ${where}`, async () => {
      ({ fleet, host } = await startFullFleet({ brokers }));
      const { alice, matched } = await reserved();
      loseSlot();
      await alice.next('queued');
      const other = await fleet.player('alice');
      other.send({ type: 'cancel', requestId: 'r1' });
      expect(await other.next('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
      const end = await alice.next('session');
      expect(end).to.include({ sessionId: matched['sessionId'], state: 'ended', reason: 'client_left' });
      expect(await alice.next('error')).to.include({ code: 'CANCELLED', requestId: 'r1' });
    });

    it(`is told that another device took over, ${where}`, async () => {
      ({ fleet, host } = await startFullFleet({ brokers }));
      const { alice, matched } = await reserved();
      loseSlot();
      await alice.next('queued');
      const other = await fleet.player('alice');
      expect(await queueUp(other, 'r2', { onConflict: 'takeover' })).to.include({ requestId: 'r2' });
      const end = await alice.next('session');
      expect(end).to.include({ sessionId: matched['sessionId'], state: 'ended', reason: 'superseded' });
      expect(await alice.next('replaced')).to.include({ requestId: 'r1', byRequestId: 'r2' });
    });
  }

  it('is notified of the end after two missed offers', async () => {
    ({ fleet, host } = await startFullFleet({ limits: { offerMs: 200 } }));
    const { alice, bob, matched } = await reserved();
    const { sessionId } = matched;
    loseSlot();
    await alice.next('queued');
    bob.send({ type: 'cancel', requestId: 'r1' });
    await bob.next('error');
    freeSlot();
    expect(await alice.next('session')).to.include({
      sessionId,
      state: 'ended',
      reason: 'reservation_expired',
    });
    expect(await alice.next('error')).to.include({ code: 'TIMED_OUT', requestId: 'r1' });
  });

  it('is matched again when the host has admitted the player meanwhile', async () => {
    ({ fleet, host } = await startFullFleet());
    const { alice, matched } = await reserved();
    const { sessionId, epoch } = matched;
    loseSlot();
    await alice.next('queued');
    // The unknown session has ended, and the host has admitted alice.
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [{ sessionId, epoch, state: 'active' }] });
    expect(await alice.nextOf(['matched', 'offer'])).to.include({ type: 'matched', sessionId, epoch });
    expect(await alice.next('session')).to.include({ sessionId, epoch, state: 'active' });
    alice.send({ type: 'end', sessionId });
    expect(await alice.next('session')).to.include({ state: 'ended', reason: 'client_left' });
  });

  function aliceWithSdk(): Client {
    return createClient({
      url: fleet.broker(0).url.replace('http', 'ws'),
      token: testToken({ kind: 'player', playerId: 'alice' }),
      device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
    });
  }

  it('gets the next slot through the SDK', async () => {
    ({ fleet, host } = await startFullFleet());
    const positions: QueueState[] = [];
    const client = aliceWithSdk();
    try {
      const onQueued = (state: QueueState): void => void positions.push(state);
      const answer = client.play({ title: 'drift', rtt: { near: 12 }, onQueued });
      await waitUntil(() => positions.length === 1);
      await host.free();
      const session = await answer;
      const { epoch, ticket } = session;
      const replaced = new Promise((resolve) => session.on('replaced', resolve));
      loseSlot();
      await waitUntil(() => positions.length === 2);
      expect(session.state).to.equal('reserved');
      freeSlot();
      await replaced;
      expect(session.epoch).to.be.above(epoch);
      expect(session.ticket).not.to.equal(ticket);
      await session.end();
      expect(await session.ended).to.equal('client_left');
    } finally {
      await client.close();
    }
  });

  it('leaves the queue when the application ends the session in the SDK', async () => {
    ({ fleet, host } = await startFullFleet());
    const positions: QueueState[] = [];
    const client = aliceWithSdk();
    try {
      await host.free();
      const onQueued = (state: QueueState): void => void positions.push(state);
      const session = await client.play({ title: 'drift', rtt: { near: 12 }, onQueued });
      loseSlot();
      await waitUntil(() => positions.length === 1);
      await session.end();
      freeSlot();
      const bob = await fleet.player('bob');
      play(bob, 'r1');
      expect(await bob.answer('r1')).to.include({ type: 'matched' });
    } finally {
      await client.close();
    }
  });
});
