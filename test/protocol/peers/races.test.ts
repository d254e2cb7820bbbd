import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { expectError } from '../frames/raw-frames.js';

/** The races of PROTOCOL.md. */
describe('Races', function () {
  this.timeout(10_000);
  let duskline: Duskline;
  let host: Peer;
  let player: Peer;
  beforeEach(async () => {
    duskline = await startTestBroker();
    host = await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    player = await openPlayer(duskline.url, 'alice');
  });
  afterEach(() => duskline.stop());

  const playFrame = (requestId: string): object => ({
    type: 'play',
    requestId,
    title: 'drift',
    rtt: { near: 5 },
  });

  async function play(peer: Peer, requestId: string): Promise<Frame> {
    peer.send(playFrame(requestId));
    return peer.next('matched', (frame) => frame['requestId'] === requestId);
  }

  /** Expects that the only slot is free: the next request gets it. */
  async function expectSlotFree(): Promise<void> {
    await play(player, `after-${Math.random().toString(36).slice(2)}`);
  }

  it('client and host end a session at the same time: one end, one reason, one free slot', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { sessionId, epoch } = await play(player, `r${round}`);
      await host.next('prepare');
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      await player.next('session');

      const ends = [
        () => player.send({ type: 'end', sessionId }),
        () => host.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'host_ended' }),
      ];
      for (const end of round % 2 === 0 ? ends : ends.reverse()) end();
      const ended = await player.next('session');
      expect(ended).to.include({ sessionId, state: 'ended' });
      expect(ended['reason']).to.be.oneOf(['client_left', 'host_ended']);

      player.send({ type: 'ping', id: round });
      await player.next('pong');
      // The end is reported once. A late `end` is answered with UNKNOWN_SESSION at most.
      for (const frame of (player.unread as Frame[]).splice(0)) {
        expect(frame).to.include({ type: 'error', code: 'UNKNOWN_SESSION', sessionId });
      }
      for (const frame of (host.unread as Frame[]).splice(0)) {
        expect(frame).to.include({ type: 'end', sessionId, reason: 'client_left' });
      }
    }
    await expectSlotFree();
  });

  it('cancel crosses the match: the session ends, the slot is free', async () => {
    for (let round = 0; round < 20; round += 1) {
      const requestId = `r${round}`;
      player.send(playFrame(requestId));
      if (round % 2 === 1) await player.next('matched');
      player.send({ type: 'cancel', requestId });
      expect(await expectError(player, 'CANCELLED')).to.include({ requestId });
      for (const frame of (player.unread as Frame[]).splice(0)) {
        expect(frame.type).to.be.oneOf(['matched', 'session']);
      }
    }
    await expectSlotFree();
  });

  it('one request on two connections at the same time: one session', async () => {
    const other = await openPlayer(duskline.url, 'alice');
    const [one, two] = await Promise.all([play(player, 'same'), play(other, 'same')]);
    expect(two['sessionId']).to.equal(one['sessionId']);
    expect(two['epoch']).to.equal(one['epoch']);
    const { regions } = await duskline.broker.status();
    expect(regions[0]?.pools[0]?.sessions).to.equal(1);
  });

  it('one frame twice in a row: one answer', async () => {
    player.send(playFrame('twice'));
    player.send(playFrame('twice'));
    await player.next('matched');
    player.send({ type: 'ping', id: 1 });
    await player.next('pong');
    expect(player.unread).to.deep.equal([]);
  });

  it('a request repeated on another broker after a lost socket: the same session, and its events', async () => {
    await duskline.stop();
    const store = createMemoryStore({ suspectAfterMs: 4_000 });
    const [first, second] = [await startTestBroker({ store }), await startTestBroker({ store })];
    try {
      const far = await openReadyHost(second, { hostId: 'h1' });
      const before = await openPlayer(first.url, 'alice');
      const { sessionId, epoch } = await play(before, 'r1');
      before.terminate();
      const after = await openPlayer(second.url, 'alice');
      const again = await play(after, 'r1');
      expect(again).to.include({ sessionId, epoch });
      await far.next('prepare');
      far.send({ type: 'session', sessionId, epoch, state: 'active' });
      expect(await after.next('session')).to.include({ sessionId, state: 'active' });
    } finally {
      await first.stop();
      await second.stop();
    }
  });

  it('a reservation that expires while its client claims it: the host gets `end`', async () => {
    await duskline.stop();
    duskline = await startTestBroker({ limits: { reservationMs: 150, sweepIntervalMs: 50 } });
    host = await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    player = await openPlayer(duskline.url, 'alice');
    const { sessionId, epoch } = await play(player, 'r1');
    await host.next('prepare');
    expect(await player.next('session')).to.include({ state: 'ended', reason: 'reservation_expired' });
    expect(await host.next('end')).to.include({ sessionId, reason: 'reservation_expired' });
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    expect(await host.next('end')).to.include({ sessionId, epoch, reason: 'reservation_expired' });
    player.send(playFrame('r1'));
    expect(await expectError(player, 'SESSION_OVER')).to.include({ requestId: 'r1' });
    await expectSlotFree();
  });

  it('a host that returns without a session: it ends with host_lost, and the slot is free', async () => {
    player.send({ ...playFrame('r1'), onHostLost: 'end' });
    const { sessionId, epoch } = await player.next('matched');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session');
    host.terminate();
    host = await openHost(duskline.url, { hostId: 'h1', slots: 1 });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
  });

  it('a store read that answers late: newer state is not overwritten', async () => {
    const store = createMemoryStore({ suspectAfterMs: 60_000 });
    const lookedAt = new Map<string, () => void>();
    const restore = store.restoreSessions.bind(store);
    // Reads of the store get the state at the time of the call, but their answer arrives when the test allows it.
    store.restoreSessions = async (regionPool, sessions) => {
      const records = await restore(regionPool, sessions);
      const answers = sessions.map(
        ({ sessionId }) => new Promise<void>((resolve) => lookedAt.set(sessionId, resolve)),
      );
      await Promise.all(answers);
      return records;
    };
    const slow = await startTestBroker({ store });
    try {
      // Each poll verifies a thirtieth of the sessions, so one of these is verified every second.
      const count = 30;
      const slowHost = await openReadyHost(slow, { hostId: 'h1', slots: count });
      const players = new Map<string, { peer: Peer; epoch: unknown }>();
      for (let i = 0; i < count; i += 1) {
        const peer = await openPlayer(slow.url, `player-${i}`);
        const { sessionId, epoch } = await play(peer, 'r1');
        slowHost.send({ type: 'session', sessionId, epoch, state: 'active' });
        await peer.next('session');
        players.set(String(sessionId), { peer, epoch });
      }
      await waitUntil(() => lookedAt.size > 0);
      const [[sessionId, answer]] = lookedAt as unknown as [[string, () => void]];
      const { peer, epoch } = players.get(sessionId)!;
      slowHost.send({ type: 'session', sessionId, epoch, state: 'connected' });
      expect(await peer.next('session')).to.include({ sessionId, state: 'connected' });
      answer();
      peer.send({ type: 'ping', id: 1 });
      await peer.next('pong');
      expect(peer.unread).to.deep.equal([]);
    } finally {
      for (const free of lookedAt.values()) free();
      await slow.stop();
      await store.close();
    }
  });
});
