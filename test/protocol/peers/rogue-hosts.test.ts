import { expect } from 'chai';
import type { ErrorCode } from '@duskline/protocol/codes';
import { HOST_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
  testToken,
} from '../../support/fleet/test-broker.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { expectClosed, expectError } from '../frames/raw-frames.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
const REGISTER = {
  type: 'register',
  hostId: 'rogue',
  ...REGION_POOL,
  slots: 2,
  endpoint: 'ws://127.0.0.1:1/rogue',
  sessions: [],
};

const heldSessions = (count: number): object[] =>
  Array.from({ length: count }, () => ({ sessionId: newSessionId(), epoch: 1, state: 'connected' }));

/** One session in two states, of which the host can have only one. */
const twice = ['connected', 'disconnected'].map((state) => ({
  sessionId: '019a0000-0000-7000-8000-000000000001',
  epoch: 1,
  state,
}));

describe('Malicious hosts', function () {
  this.timeout(10_000);
  let duskline: Duskline;
  let steady: Peer;
  let player: Peer;
  beforeEach(async () => {
    duskline = await startTestBroker();
    steady = await openReadyHost(duskline, { hostId: 'steady' });
    player = await openPlayer(duskline.url, 'alice');
  });
  afterEach(() => duskline.stop());

  /** Expects that the counts of the other host have not changed, and that it still gets sessions. */
  async function expectUnharmed(sessions = 0): Promise<void> {
    const { regions } = await duskline.broker.status();
    const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
    const honest = hosts.find(({ hostId }) => hostId === 'steady');
    expect(honest).to.include({ state: 'ready', slots: 4, sessions, measured: 0 });
    const rogue = hosts.find(({ hostId }) => hostId === 'rogue');
    if (rogue !== undefined) expect(rogue).to.include({ sessions: 0, measured: 0 });
    const checker = await openPlayer(duskline.url, 'checker');
    checker.send({ type: 'play', requestId: 'check', title: 'drift', rtt: { near: 10 } });
    const { host, sessionId } = await checker.next('matched');
    expect(host).to.include({ hostId: 'steady' });
    expect(await steady.next('prepare', (frame) => frame['sessionId'] === sessionId)).to.include({
      playerId: 'checker',
    });
    expect(steady.unread).to.deep.equal([]);
    expect([...player.unread, ...checker.unread]).to.deep.equal([]);
  }

  describe('at registration', () => {
    async function register(change: object, binding: object = REGION_POOL): Promise<Peer> {
      const token = testToken({ kind: 'host', ...REGION_POOL, ...binding });
      const peer = await Peer.open(duskline.url, HOST_PATH, { token });
      peer.send({ ...REGISTER, ...change });
      return peer;
    }

    const refusals: readonly [string, object, object, number, ErrorCode][] = [
      ['more sessions than slots', { sessions: heldSessions(3) }, {}, 4422, 'TOO_MANY_SESSIONS'],
      ['a session twice', { sessions: twice }, {}, 4400, 'BAD_MESSAGE'],
      ['another region than its token', { region: 'next' }, {}, 4403, 'FORBIDDEN'],
      ['another pool than its token', { pool: 'pc-ultra' }, {}, 4403, 'FORBIDDEN'],
      ['another id than its token', {}, { hostId: 'honest' }, 4403, 'FORBIDDEN'],
      ['the id of another host', { hostId: 'steady' }, { hostId: 'rogue' }, 4403, 'FORBIDDEN'],
      ['a region that does not exist', { region: 'mars' }, { region: 'mars' }, 4403, 'UNKNOWN_REGION'],
      ['a pool that does not exist', { pool: 'abacus' }, { pool: 'abacus' }, 4403, 'UNKNOWN_POOL'],
      ['no slots', { slots: 0 }, {}, 4400, 'BAD_MESSAGE'],
      ['negative slots', { slots: -4 }, {}, 4400, 'BAD_MESSAGE'],
      ['half a slot', { slots: 1.5 }, {}, 4400, 'BAD_MESSAGE'],
      ['more slots than a host may have', { slots: 513 }, {}, 4400, 'BAD_MESSAGE'],
      ['an id with characters of keys', { hostId: 'a}:{b' }, {}, 4400, 'BAD_MESSAGE'],
      ['an endpoint that is not a URL', { endpoint: 'javascript' }, {}, 4400, 'BAD_MESSAGE'],
    ];
    for (const [name, change, binding, close, code] of refusals) {
      it(`${name}: refused with ${code}`, async () => {
        await expectClosed(await register(change, binding), close, code);
        await expectUnharmed();
      });
    }
  });

  describe('in a heartbeat', () => {
    let rogue: Peer;
    beforeEach(async () => {
      rogue = await openHost(duskline.url, { hostId: 'rogue', slots: 2 });
    });

    const loads: readonly [string, object][] = [
      ['a negative load', { ...IDLE_LOAD, gpu: -0.5 }],
      ['a load above the maximum', { ...IDLE_LOAD, gpu: 101 }],
      ['a load given as text', { ...IDLE_LOAD, gpu: '0' }],
      ['a load that is null, as NaN becomes in JSON', { ...IDLE_LOAD, cpu: Number.NaN }],
      ['a load without one of its dimensions', { gpu: 0, encoder: 0, cpu: 0 }],
    ];
    for (const [name, load] of loads) {
      it(`${name}: refused with BAD_MESSAGE`, async () => {
        rogue.send({ type: 'heartbeat', load, sessions: [] });
        const error = await expectError(rogue, 'BAD_MESSAGE');
        expect(error['message']).to.match(/load/);
        await expectUnharmed();
      });
    }

    it('an infinite load: refused with BAD_MESSAGE', async () => {
      rogue.sendRaw(
        '{"type":"heartbeat","load":{"gpu":1e999,"encoder":0,"cpu":0,"network":0},"sessions":[]}',
      );
      await expectError(rogue, 'BAD_MESSAGE');
      await expectUnharmed();
    });

    it('a literal NaN: the connection is closed, because it is not JSON', async () => {
      rogue.sendRaw('{"type":"heartbeat","load":{"gpu":NaN,"encoder":0,"cpu":0,"network":0},"sessions":[]}');
      await expectClosed(rogue, 4400, 'BAD_MESSAGE');
      await expectUnharmed();
    });

    it('more sessions than slots: refused, and the host does not become ready', async () => {
      rogue.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: heldSessions(3) });
      await expectError(rogue, 'TOO_MANY_SESSIONS');
      await expectUnharmed();
    });

    it('a session twice: refused, and the host does not become ready', async () => {
      rogue.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: twice });
      expect((await expectError(rogue, 'BAD_MESSAGE'))['message']).to.match(/sessions .* twice/);
      await expectUnharmed();
    });

    it('invented sessions: no more are recorded than the host has slots', async () => {
      for (let i = 0; i < 10; i += 1) {
        rogue.send({ type: 'session', sessionId: newSessionId(), epoch: 1, state: 'active' });
      }
      for (let i = 0; i < 8; i += 1) await expectError(rogue, 'TOO_MANY_SESSIONS');
      await expectUnharmed();
    });
  });

  describe('about a session of another host', () => {
    let matched: Frame;
    let rogue: Peer;
    beforeEach(async () => {
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
      matched = await player.next('matched');
      await steady.next('prepare');
      rogue = await openReadyHost(duskline, { hostId: 'rogue', slots: 2 });
    });

    /** Expects that the session continues. */
    async function expectSessionUnharmed(): Promise<void> {
      const { sessionId, epoch } = matched;
      expect(player.unread).to.deep.equal([]);
      expect(steady.unread).to.deep.equal([]);
      for (const state of ['active', 'connected']) {
        steady.send({ type: 'session', sessionId, epoch, state });
        expect(await player.next('session')).to.deep.equal({ type: 'session', sessionId, epoch, state });
      }
      const { regions } = await duskline.broker.status();
      const counts = regions[0]?.pools[0]?.hostList.map(({ hostId, sessions }) => [hostId, sessions]);
      expect(Object.fromEntries(counts ?? [])).to.deep.equal({ steady: 1, rogue: 0 });
    }

    for (const state of ['active', 'connected', 'disconnected', 'ended']) {
      it(`a report that it is ${state}: refused with STALE_EPOCH`, async () => {
        const { sessionId, epoch } = matched;
        rogue.send({ type: 'session', sessionId, epoch, state });
        expect(await expectError(rogue, 'STALE_EPOCH')).to.include({ sessionId });
        await expectSessionUnharmed();
      });
    }

    it('a newer epoch in a message: refused with STALE_EPOCH', async () => {
      rogue.send({ type: 'session', sessionId: matched['sessionId'], epoch: 7, state: 'ended' });
      await expectError(rogue, 'STALE_EPOCH');
      await expectSessionUnharmed();
    });

    it('in the list of a heartbeat: the host gets `end`', async () => {
      const { sessionId, epoch } = matched;
      rogue.send({
        type: 'heartbeat',
        load: IDLE_LOAD,
        sessions: [{ sessionId, epoch, state: 'connected' }],
      });
      expect(await rogue.next('end')).to.include({ sessionId, epoch, reason: 'superseded' });
      await expectSessionUnharmed();
    });

    it('in the list of a registration: the host gets `end`', async () => {
      const { sessionId, epoch } = matched;
      const sessions = [{ sessionId, epoch, state: 'connected' }];
      const again = await openHost(duskline.url, { hostId: 'rogue', slots: 2, sessions });
      again.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      expect(await again.next('end')).to.include({ sessionId, epoch, reason: 'superseded' });
      await expectSessionUnharmed();
    });

    it('leave: ends only sessions of the leaving host', async () => {
      rogue.send({ type: 'leave' });
      expect((await rogue.closed).code).to.equal(1000);
      await expectUnharmed(1);
    });
  });

  it('an old epoch of its own session: refused with STALE_EPOCH, and the session does not change', async () => {
    const sessionId = newSessionId();
    const sessions = [{ sessionId, epoch: 2, state: 'connected' }];
    const host = await openHost(duskline.url, { hostId: 'rogue', slots: 2, sessions });
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
    await expectHost({ sessions: 1, state: 'ready' });
    for (const state of ['active', 'disconnected', 'ended']) {
      host.send({ type: 'session', sessionId, epoch: 1, state });
      expect(await expectError(host, 'STALE_EPOCH')).to.include({ sessionId });
    }
    host.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
    await expectHost({ sessions: 1, state: 'ready' });
    expect(host.unread).to.deep.equal([]);
  });

  function expectHost(expected: { readonly sessions: number; readonly state: string }): Promise<void> {
    return waitUntil(async () => {
      const { regions } = await duskline.broker.status();
      const found = regions[0]?.pools[0]?.hostList.find(({ hostId }) => hostId === 'rogue');
      return found?.sessions === expected.sessions && found.state === expected.state;
    });
  }
});
