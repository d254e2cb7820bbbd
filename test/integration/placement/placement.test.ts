import { createSecretKey } from 'node:crypto';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { Duskline } from '@duskline/server/duskline.js';
import { waitUntil } from '../../support/time/eventually.js';
import { IDLE_LOAD, openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import type { Frame } from '../../support/fleet/peer.js';

const RTT = { near: 12, next: 30, far: 230 };

describe('A broker over real sockets', () => {
  let duskline: Duskline;
  beforeEach(async () => {
    duskline = await startTestBroker();
  });
  afterEach(() => duskline.stop());

  it('gives a player a slot on the nearby host, with a ticket that this host can verify', async () => {
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });

    const matched = await player.next('matched');
    expect(matched).to.include({
      requestId: 'r1',
      region: 'near',
      pool: 'console-x',
      rank: 1,
      rttMs: 12,
      epoch: 1,
    });
    expect(matched['host']).to.deep.equal({ hostId: 'h1', endpoint: 'ws://127.0.0.1:1/stream/h1' });
    expect(matched['stream']).to.deep.equal({ codec: 'hevc', resolution: '2160p', fps: 60 });
    expect(matched['reason']).to.match(/near\/console-x/);

    const prepare = await host.next('prepare');
    expect(prepare).to.include({
      sessionId: matched['sessionId'],
      epoch: 1,
      title: 'starfall',
      playerId: 'alice',
    });

    const key = createSecretKey(Buffer.from(String(host.registered['ticketKey']), 'base64url'));
    const claims = jwt.verify(String(matched['ticket']), key, {
      algorithms: ['HS256'],
      audience: 'host:near/console-x/h1',
      issuer: 'duskline',
    });
    expect(claims).to.include({ sid: matched['sessionId'], sub: 'alice', epoch: 1, title: 'starfall' });
  });

  it('follows the session from claim to end, and frees the slot', async () => {
    const host = await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });
    const { sessionId, epoch } = await player.next('matched');

    for (const state of ['active', 'connected', 'disconnected', 'connected']) {
      host.send({ type: 'session', sessionId, epoch, state });
      expect(await player.next('session')).to.include({ sessionId, state });
    }
    const other = await openPlayer(duskline.url, 'bob');
    other.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: RTT, wait: false });
    expect(await other.next('error')).to.include({ requestId: 'r2', code: 'NO_CAPACITY', retryable: true });

    host.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'client_left' });
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
    other.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: RTT });
    expect(await other.next('matched')).to.include({ requestId: 'r2' });
  });

  it('ends a session when its player ends it, and notifies the host', async () => {
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });
    const { sessionId } = await player.next('matched');
    player.send({ type: 'end', sessionId });
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
    expect(await host.next('end')).to.include({ sessionId, reason: 'client_left' });
  });

  it('answers a repeated request with the same session, also on a new connection', async () => {
    await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const play = { type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT };
    player.send(play);
    const first = await player.next('matched');
    player.send(play);
    const second = await player.next('matched');
    player.terminate();
    const back = await openPlayer(duskline.url, 'alice');
    back.send(play);
    const third = await back.next('matched');
    for (const field of ['sessionId', 'epoch', 'host', 'region', 'rank', 'reason', 'stream']) {
      expect(second[field], field).to.deep.equal(first[field]);
      expect(third[field], field).to.deep.equal(first[field]);
    }
  });

  it('keeps requests of different players apart, also with equal request ids', async () => {
    await openReadyHost(duskline, { hostId: 'h1' });
    const [alice, bob] = await Promise.all([
      openPlayer(duskline.url, 'alice'),
      openPlayer(duskline.url, 'bob'),
    ]);
    for (const player of [alice, bob])
      player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });
    const [a, b] = await Promise.all([alice.next('matched'), bob.next('matched')]);
    expect(a['sessionId']).not.to.equal(b['sessionId']);

    bob.send({ type: 'end', sessionId: a['sessionId'] });
    expect(await bob.next('error')).to.include({ code: 'UNKNOWN_SESSION', sessionId: a['sessionId'] });
  });

  it('cancels a request at every moment', async () => {
    await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    const player = await openPlayer(duskline.url, 'alice');
    const play = { type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT };
    player.send(play);
    player.send({ type: 'cancel', requestId: 'r1' });
    expect(await player.next('error')).to.include({ requestId: 'r1', code: 'CANCELLED' });

    player.send({ ...play, requestId: 'r2' });
    const { sessionId } = await player.next('matched');
    player.send({ type: 'cancel', requestId: 'r2' });
    expect(await player.next('session', (frame) => frame['sessionId'] === sessionId)).to.include({
      state: 'ended',
    });
    expect(await player.next('error')).to.include({ requestId: 'r2', code: 'CANCELLED' });

    player.send({ ...play, requestId: 'r3' });
    expect(await player.next('matched')).to.include({ requestId: 'r3' });
  });

  it('cancels a request from a new connection after the first one was lost', async () => {
    await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });
    await player.next('matched');
    player.terminate();

    const back = await openPlayer(duskline.url, 'alice');
    back.send({ type: 'cancel', requestId: 'r1' });
    expect(await back.next('error')).to.include({ requestId: 'r1', code: 'CANCELLED' });
    back.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: RTT });
    await back.next('matched');
  });

  it('answers a repeated request with the end of its session, and not with a second session', async () => {
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const play = { type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT };
    player.send(play);
    const { sessionId, epoch } = await player.next('matched');
    player.terminate();
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    host.send({ type: 'session', sessionId, epoch, state: 'ended', reason: 'idle' });

    const back = await openPlayer(duskline.url, 'alice');
    await waitUntil(async () => {
      const { regions } = await duskline.broker.status();
      return regions.every(({ pools }) => pools.every(({ sessions }) => sessions === 0));
    });
    back.send(play);
    expect(await back.next('session')).to.include({ sessionId, state: 'ended', reason: 'idle' });
    expect(await back.next('error')).to.include({ requestId: 'r1', code: 'SESSION_OVER' });
    back.send({ ...play, rtt: { far: 500 } });
    expect(await back.next('error')).to.include({ requestId: 'r1', code: 'SESSION_OVER' });
  });

  it('spills over to the next region when the nearest is full, and gives the reason', async () => {
    await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    await openReadyHost(duskline, { hostId: 'h2', region: 'next', slots: 1 });
    const matches = await playEach(['alice', 'bob']);
    expect(matches.map((frame) => frame['region'])).to.have.members(['near', 'next']);
    const spilled = matches.find((frame) => frame['region'] === 'next');
    expect(spilled).to.include({ rank: 2 });
  });

  it('refuses a request that cannot be served, with a code', async () => {
    await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const cases = [
      [{ title: 'pong' }, 'UNKNOWN_TITLE'],
      [{ title: 'circuit', platform: 'console' }, 'NO_SUITABLE_POOL'],
      [{ title: 'starfall', rtt: { far: 230 } }, 'NO_REGION_IN_REACH'],
      [{ title: 'starfall', regions: { exclude: ['near', 'next'] } }, 'NO_REGION_IN_REACH'],
      [{ title: 'starfall', regions: { only: ['next'] } }, 'NO_CAPACITY'],
    ] as const;
    for (const [i, [change, code]] of cases.entries()) {
      player.send({ type: 'play', requestId: `r${i}`, rtt: RTT, wait: false, ...change });
      expect(await player.next('error')).to.include({ requestId: `r${i}`, code });
    }
  });

  it('assigns the slot of an unclaimed reservation to another player', async () => {
    await duskline.stop();
    duskline = await startTestBroker({ limits: { reservationMs: 300, sweepIntervalMs: 100 } });
    const host = await openReadyHost(duskline, { hostId: 'h1', slots: 1 });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT });
    const { sessionId } = await player.next('matched');
    expect(await player.next('session')).to.include({
      sessionId,
      state: 'ended',
      reason: 'reservation_expired',
    });
    expect(await host.next('end')).to.include({ sessionId, reason: 'reservation_expired' });
    player.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: RTT });
    await player.next('matched');
  });

  it('spreads a burst over the hosts before any of them has reported its load', async () => {
    for (const hostId of ['h1', 'h2', 'h3', 'h4']) await openReadyHost(duskline, { hostId, slots: 8 });
    const matches = await playEach(Array.from({ length: 16 }, (_, i) => `player-${i}`));
    const counts = new Map<string, number>();
    for (const hostId of matches.map(hostIdOf)) counts.set(hostId, (counts.get(hostId) ?? 0) + 1);
    expect(Object.fromEntries(counts)).to.deep.equal({ h1: 4, h2: 4, h3: 4, h4: 4 });
  });

  it('places by measured load, not only by the number of sessions', async () => {
    const hot = await openReadyHost(duskline, { hostId: 'h1', slots: 8 });
    await openReadyHost(duskline, { hostId: 'h2', slots: 8 });
    hot.send({ type: 'heartbeat', load: { ...IDLE_LOAD, encoder: 0.6 }, sessions: [] });
    await waitUntil(async () => {
      const { regions } = await duskline.broker.status();
      return regions.some(({ pools }) => pools.some(({ hottest }) => hottest === 0.6));
    });
    const hostIds = [];
    for (let i = 0; i < 4; i += 1) hostIds.push(...(await playEach([`player-${i}`])).map(hostIdOf));
    expect(hostIds).to.deep.equal(['h2', 'h2', 'h2', 'h2']);
  });

  /** All players send a request at once. Resolves with their matches. */
  async function playEach(playerIds: readonly string[]): Promise<Frame[]> {
    const players = await Promise.all(playerIds.map((playerId) => openPlayer(duskline.url, playerId)));
    for (const player of players) player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: RTT });
    return Promise.all(players.map((player) => player.next('matched')));
  }

  const hostIdOf = ({ host }: Frame): string => (host as { hostId: string }).hostId;
});
