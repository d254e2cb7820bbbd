import { expect } from 'chai';
import { createClient } from '@duskline/client/node';
import { DEFAULT_INTERVALS, type BrokerIntervals } from '@duskline/server/broker/intervals.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  TEST_DEVICE,
  openHost,
  testToken,
  type TestHostOptions,
} from '../../support/fleet/test-broker.js';
import type { Frame, Peer } from '../../support/fleet/peer.js';
import { TestFleet, keepSendingHeartbeats, play, roundTrip } from '../../support/fleet/test-fleet.js';

/** Short limits, but far enough apart that a silent host is first suspect and then lost. */
const SHORT_LIMITS = { suspectAfterMs: 250, lostAfterMs: 500, sweepIntervalMs: 50, sweepGapMs: 100 };

/** From the last heartbeat of a host to the match with another one: until it is lost, until the second sweep, and slack. */
const BOUND_MS = 500 + 100 + 1_000;

interface LiveHost extends Peer {
  fallSilent(): void;
  /** Reports this session, and lists only it in heartbeats. */
  holds(session: Frame, epoch: number, state: string): void;
}

describe('Sessions of a lost host', function () {
  this.timeout(15_000);
  let fleet: TestFleet;
  let alice: Peer;
  const start = async (intervals?: BrokerIntervals): Promise<void> => {
    fleet = await TestFleet.start({ brokers: 2, limits: SHORT_LIMITS, ...(intervals && { intervals }) });
    alice = await fleet.player('alice', { broker: 1 });
  };
  beforeEach(() => start());
  afterEach(() => fleet.stop());

  /** A host that sends heartbeats until `fallSilent`, with the session of `holds`. */
  async function liveHost(options: TestHostOptions): Promise<LiveHost> {
    const host = await fleet.host(options);
    let sessions: object[] = [];
    const fallSilent = keepSendingHeartbeats(host, () => sessions);
    return Object.assign(host, {
      fallSilent,
      holds({ sessionId }: Frame, epoch: number, state: string): void {
        sessions = [{ sessionId, epoch, state }];
        host.send({ type: 'session', sessionId, epoch, state });
      },
    });
  }

  /** Makes alice's session active on a host, and loses this host: it is silent, and its socket is cut. */
  async function loseHost(change: object = {}): Promise<Frame> {
    const host = await fleet.host({ hostId: 'h1', slots: 1 });
    play(alice, 'r1', change);
    const matched = await alice.next('matched');
    const { sessionId, epoch } = matched;
    expect(await host.next('prepare')).to.include({ sessionId });
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    await alice.next('session');
    host.terminate();
    return matched;
  }

  /** The lost host connects again, and still runs the session. */
  async function comeBack({ sessionId }: Frame): Promise<Peer> {
    const sessions = [{ sessionId, epoch: 1, state: 'connected' }];
    const back = await openHost(fleet.broker(0).url, { hostId: 'h1', slots: 1, sessions });
    back.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
    return back;
  }

  const rtt = { near: 12, next: 30 };

  it('go on when no other host has a slot, and the lost one returns with them after the client was told', async () => {
    const { sessionId } = await loseHost();
    expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    const back = await comeBack({ sessionId } as unknown as Frame);
    expect(await alice.next('session')).to.include({ sessionId, epoch: 1, state: 'connected' });
    await waitUntil(async () => {
      play(alice, 'r2', { wait: false });
      return (await alice.answer('r2'))['code'] === 'SESSION_EXISTS';
    });
    alice.send({ type: 'end', sessionId });
    expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'client_left' });
    expect(await back.next('end')).to.include({ sessionId, reason: 'client_left' });
  });

  it('end on the host that returns when their player has another session by then', async () => {
    const { sessionId } = await loseHost();
    expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    const other = await liveHost({ hostId: 'h2', slots: 1 });
    play(alice, 'r2');
    const matched = await alice.next('matched');
    expect(await other.next('prepare')).to.include({ sessionId: matched['sessionId'] });
    other.holds(matched, 1, 'active');
    const back = await comeBack({ sessionId } as unknown as Frame);
    expect(await back.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
    alice.send({ type: 'end', sessionId: matched['sessionId'] });
    await alice.next(
      'session',
      (frame) => frame['sessionId'] === matched['sessionId'] && frame['state'] === 'ended',
    );
  });

  it('are placed on another host: one new `matched`, and no `ended`', async () => {
    const before = await loseHost();
    const lostAt = performance.now();
    const other = await liveHost({ hostId: 'h2' });
    const { sessionId } = before;
    const after = await alice.next('matched');
    expect(performance.now() - lostAt).to.be.below(BOUND_MS);
    expect(after).to.include({ requestId: 'r1', sessionId, epoch: 2, region: 'near', title: 'drift' });
    expect(after['host']).to.include({ hostId: 'h2' });
    expect(after['ticket']).not.to.equal(before['ticket']);
    expect(await other.next('prepare')).to.include({ sessionId, epoch: 2, playerId: 'alice' });

    other.holds(after, 2, 'active');
    expect(await alice.next('session')).to.include({ sessionId, epoch: 2, state: 'active' });
    alice.send({ type: 'end', sessionId });
    expect(await alice.next('session')).to.include({ epoch: 2, state: 'ended', reason: 'client_left' });
    expect(await other.next('end')).to.include({ sessionId, epoch: 2, reason: 'client_left' });
    expect(alice.unread).to.deep.equal([]);
  });

  it('are placed in another region when their own has no free slot', async () => {
    // With default intervals the broker does not know yet that the region is full, and tries it first.
    await fleet.stop();
    await start(DEFAULT_INTERVALS);
    await loseHost({ rtt });
    await liveHost({ hostId: 'h2', region: 'next' });
    expect(await alice.next('matched')).to.include({ epoch: 2, region: 'next', rank: 2 });
  });

  it('end with host_lost when no region that the player measured has a free slot', async () => {
    const { sessionId } = await loseHost();
    await liveHost({ hostId: 'h2', region: 'next' });
    expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    play(alice, 'r2', { rtt });
    expect(await alice.next('matched')).to.include({ requestId: 'r2', region: 'next' });
  });

  it('end with host_lost when the player asked for onHostLost `end`', async () => {
    const { sessionId } = await loseHost({ onHostLost: 'end' });
    await liveHost({ hostId: 'h2' });
    expect(await alice.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    await roundTrip(alice);
    expect(alice.unread).to.deep.equal([]);
  });

  for (const region of ['near', 'next']) {
    it(`continue in ${region}, and the lost host has to end them when it returns`, async () => {
      const lost = await loseHost({ rtt });
      const other = await liveHost({ hostId: 'h2', region });
      const after = await alice.next('matched');
      const { sessionId } = after;
      other.holds(after, 2, 'active');
      await alice.next('session');
      const back = await comeBack(lost);
      expect(await back.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
      back.send({ type: 'session', sessionId, epoch: 1, state: 'disconnected' });
      const { type, code } = await back.nextOf(['end', 'error']);
      expect(code ?? type).to.be.oneOf(['STALE_EPOCH', 'end']);
      other.holds(after, 2, 'connected');
      expect(await alice.next('session')).to.include({ epoch: 2, state: 'connected' });
    });
  }

  it('of a disconnected player are placed on another host when the player reconnects', async () => {
    const { sessionId } = await loseHost({ rtt });
    alice.terminate();
    await hostIsLost();
    const other = await liveHost({ hostId: 'h2', region: 'next' });
    const back = await fleet.player('alice');
    play(back, 'r1', { rtt, wait: false });
    expect(await back.answer('r1')).to.include({ type: 'matched', sessionId, epoch: 2, region: 'next' });
    expect(await other.next('prepare')).to.include({ sessionId, epoch: 2 });
    const old = await comeBack({ type: 'matched', sessionId });
    expect(await old.next('end')).to.include({ sessionId, epoch: 1, reason: 'superseded' });
  });

  it('of a disconnected player end when there is no free slot at the reconnect', async () => {
    const { sessionId } = await loseHost();
    alice.terminate();
    await hostIsLost();
    const back = await fleet.player('alice');
    play(back, 'r1');
    expect(await back.next('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    expect(await back.next('error')).to.include({ requestId: 'r1', code: 'SESSION_OVER' });
  });

  it('are placed again when the second host is lost too', async () => {
    const { sessionId } = await loseHost();
    const second = await liveHost({ hostId: 'h2', slots: 1 });
    second.holds(await alice.next('matched'), 2, 'active');
    await alice.next('session');
    second.fallSilent();
    await liveHost({ hostId: 'h3' });
    const third = await alice.next('matched');
    expect(third).to.include({ sessionId, epoch: 3 });
    expect(third['host']).to.include({ hostId: 'h3' });
    expect(alice.unread).to.deep.equal([]);
  });

  it('are followed by the SDK to the new host', async () => {
    const host = await fleet.host({ hostId: 'h1', slots: 1 });
    const client = createClient({
      url: fleet.broker(1).url.replace('http', 'ws'),
      token: testToken({ kind: 'player', playerId: 'bob' }),
      device: { ...TEST_DEVICE, codecs: [...TEST_DEVICE.codecs] },
    });
    try {
      const session = await client.play({ title: 'drift', rtt: { near: 10 } });
      const replaced = new Promise((resolve) => session.on('replaced', resolve));
      host.send({ type: 'session', sessionId: session.sessionId, epoch: 1, state: 'active' });
      await new Promise<void>((resolve) => {
        session.on('state', () => resolve());
      });
      host.terminate();
      await liveHost({ hostId: 'h2' });
      await replaced;
      expect(session.host).to.include({ hostId: 'h2' });
      expect(session).to.include({ epoch: 2, state: 'reserved' });
    } finally {
      await client.close();
    }
  });

  async function hostIsLost(): Promise<void> {
    await waitUntil(async () => {
      const { regions } = await fleet.broker(0).broker.status();
      return regions.every(({ pools }) => pools.every(({ hostList }) => hostList.length === 0));
    });
  }
});

describe('A session that ended with its host', function () {
  this.timeout(15_000);

  it('is reported as ended, and then as SESSION_OVER, when its request is repeated', async () => {
    const fleet = await TestFleet.start({ limits: SHORT_LIMITS });
    try {
      const host = await fleet.host({ hostId: 'h1' });
      const alice = await fleet.player('alice');
      play(alice, 'r1');
      const { sessionId, epoch } = await alice.next('matched');
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      for (let time = 0; time < 2; time += 1) {
        const ended = await alice.next('session', ({ state }) => state === 'ended');
        expect(ended).to.include({ sessionId, reason: 'host_lost' });
        play(alice, 'r1');
      }
      expect(await alice.next('error')).to.include({ code: 'SESSION_OVER', requestId: 'r1' });
    } finally {
      await fleet.stop();
    }
  });
});
