import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import type { HostStatus } from '@duskline/server/broker/operations/fleet-status.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import type { Peer } from '../../support/fleet/peer.js';
import { keepSendingHeartbeats } from '../../support/fleet/test-fleet.js';

const RTT = { near: 12 };

/** Short limits, but far enough apart that a silent host is first suspect and then lost. */
const SHORT_LIMITS = { suspectAfterMs: 300, lostAfterMs: 700, sweepIntervalMs: 50, sweepGapMs: 100 };

describe('A host', () => {
  let duskline: Duskline;
  afterEach(() => duskline.stop());

  async function find(hostId: string): Promise<HostStatus | undefined> {
    const { regions } = await duskline.broker.status();
    return regions
      .flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList))
      .find((h) => h.hostId === hostId);
  }

  async function matchOn(
    player: Peer,
    requestId: string,
    change: object = {},
  ): Promise<{ sessionId: string; epoch: number }> {
    player.send({ type: 'play', requestId, title: 'starfall', rtt: RTT, ...change });
    return (await player.next('matched')) as unknown as { sessionId: string; epoch: number };
  }

  /** Starts a session on a host, and cuts the socket of the host while the session is active. */
  async function loseHostWithSession(change: object = {}): Promise<{
    player: Peer;
    held: { sessionId: string; epoch: number };
  }> {
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const held = await matchOn(player, 'r1', change);
    host.send({ type: 'session', ...pick(held), state: 'active' });
    await player.next('session');
    host.terminate();
    return { player, held };
  }

  it('gets no session before its first heartbeat', async () => {
    duskline = await startTestBroker();
    await openHost(duskline.url, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    player.send({ type: 'play', requestId: 'r1', title: 'starfall', rtt: RTT, wait: false });
    expect(await player.next('error')).to.include({ code: 'NO_CAPACITY' });
  });

  it('that leaves is removed at once, and its own last heartbeat does not add it again', async () => {
    duskline = await startTestBroker();
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const other = await openReadyHost(duskline, { hostId: 'h2' });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    host.send({ type: 'leave' });
    expect(await host.closed).to.include({ code: 1000 });
    expect(await find('h1')).to.equal(undefined);
    // Heartbeats of a region pool are recorded in one batch. When the heartbeat of h2 is recorded, that of h1 was too.
    other.send({ type: 'heartbeat', load: { ...IDLE_LOAD, cpu: 0.5 }, sessions: [] });
    await waitUntil(async () => (await find('h2'))?.measured === 0.5);
    expect(await find('h1')).to.equal(undefined);
  });

  it('that leaves ends its sessions, and their players are notified', async () => {
    duskline = await startTestBroker();
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const { sessionId, epoch } = await matchOn(player, 'r1');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session');
    host.send({ type: 'leave' });
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_ended' });
  });

  it('that falls silent gets no new session, then is lost with its sessions', async () => {
    duskline = await startTestBroker({ limits: SHORT_LIMITS });
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const { sessionId, epoch } = await matchOn(player, 'r1');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    expect(await player.next('session')).to.include({ state: 'active' });

    await waitUntil(async () => (await find('h1'))?.state === 'suspect');
    const other = await openPlayer(duskline.url, 'bob');
    other.send({ type: 'play', requestId: 'r2', title: 'starfall', rtt: RTT, wait: false });
    expect(await other.next('error')).to.include({ requestId: 'r2', code: 'NO_CAPACITY' });
    expect(await player.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    expect(await find('h1')).to.equal(undefined);
  });

  it('that was silent for a while keeps all its sessions when it sends heartbeats again', async () => {
    duskline = await startTestBroker({ limits: { ...SHORT_LIMITS, lostAfterMs: 60_000 } });
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const { sessionId, epoch } = await matchOn(player, 'r1');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session');
    await waitUntil(async () => (await find('h1'))?.state === 'suspect');

    const stop = keepSendingHeartbeats(host, () => [{ sessionId, epoch, state: 'active' }]);
    await waitUntil(async () => (await find('h1'))?.state === 'ready');
    stop();
    expect(await find('h1')).to.include({ sessions: 1 });
    expect(player.unread).to.deep.equal([]);
  });

  it('that was lost keeps a session that it still runs when it returns', async () => {
    duskline = await startTestBroker({ limits: SHORT_LIMITS });
    const host = await openReadyHost(duskline, { hostId: 'h1' });
    const player = await openPlayer(duskline.url, 'alice');
    const { sessionId, epoch } = await matchOn(player, 'r1');
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await player.next('session', (frame) => frame['state'] === 'ended');

    const stop = keepSendingHeartbeats(host, () => [{ sessionId, epoch, state: 'connected' }]);
    await waitUntil(async () => (await find('h1'))?.sessions === 1);
    stop();
    expect(host.unread.filter((frame) => frame.type === 'end')).to.deep.equal([]);
  });

  it('that registers again after a lost connection keeps its sessions and receives new ones', async () => {
    duskline = await startTestBroker();
    const { held } = await loseHostWithSession();
    const reserved = await matchOn(await openPlayer(duskline.url, 'bob'), 'r2');

    const back = await openHost(duskline.url, {
      hostId: 'h1',
      sessions: [{ ...pick(held), state: 'active' }],
    });
    expect(await back.next('prepare')).to.include({ sessionId: reserved.sessionId });
    expect(await find('h1')).to.include({ sessions: 2 });
  });

  it('that restarts without sessions ends those it had, and their players are notified', async () => {
    duskline = await startTestBroker();
    const { player } = await loseHostWithSession({ onHostLost: 'end' });
    const back = await openHost(duskline.url, { hostId: 'h1' });
    back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    expect(await player.next('session')).to.include({ state: 'ended', reason: 'host_lost' });
    expect(await find('h1')).to.include({ sessions: 0 });
  });

  it('gets `end` for a session that ended while the host was disconnected', async () => {
    duskline = await startTestBroker();
    const { player, held } = await loseHostWithSession();
    player.send({ type: 'end', sessionId: held.sessionId });
    await player.next('session', (frame) => frame['state'] === 'ended');

    const back = await openHost(duskline.url, {
      hostId: 'h1',
      sessions: [{ ...pick(held), state: 'active' }],
    });
    back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [{ ...pick(held), state: 'active' }] });
    expect(await back.next('end')).to.include({ sessionId: held.sessionId, reason: 'client_left' });
  });

  it('that reports an end after it lost its connection has its reason recorded', async () => {
    duskline = await startTestBroker();
    const { player, held } = await loseHostWithSession();
    const back = await openHost(duskline.url, { hostId: 'h1' });
    back.send({ type: 'session', ...pick(held), state: 'ended', reason: 'client_left' });
    back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
    expect(await player.next('session')).to.include({ state: 'ended', reason: 'client_left' });
  });

  function pick({ sessionId, epoch }: { sessionId: string; epoch: number }): {
    sessionId: string;
    epoch: number;
  } {
    return { sessionId, epoch };
  }
});
