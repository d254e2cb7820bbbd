import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { expect } from 'chai';
import { TEST_DEVICE, openReadyHost, startTestBroker, testToken } from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';

const PLAY = { type: 'play', requestId: 'r1', title: 'starfall', rtt: { near: 12 } };

describe('A play request on a resumed connection', () => {
  let duskline: Duskline;
  let store: FleetStore;
  /** Sessions for which the broker called `reserve`. */
  let asked: string[];
  beforeEach(async () => {
    store = createMemoryStore({ suspectAfterMs: 4_000 });
    asked = [];
    const { reserve } = store;
    store.reserve = (regionPool, reservations, ...rest) => {
      asked.push(...reservations.map(({ sessionId }) => sessionId));
      return reserve.call(store, regionPool, reservations, ...rest);
    };
    duskline = await startTestBroker({ store });
    await openReadyHost(duskline, { hostId: 'h1', slots: 2 });
  });
  afterEach(async () => {
    await duskline.stop();
    await store.close();
  });

  async function open(shown: object): Promise<{ peer: Peer; resumeToken: unknown }> {
    const peer = await Peer.open(duskline.url, CLIENT_PATH);
    peer.send({ type: 'hello', device: TEST_DEVICE, ...shown });
    const { resumeToken } = await peer.next('welcome');
    return { peer, resumeToken };
  }

  it('finds its session again, and reserves no other slot meanwhile', async () => {
    const first = await open({ token: testToken({ kind: 'player', playerId: 'alice' }) });
    first.peer.send(PLAY);
    const { sessionId } = await first.peer.next('matched');
    first.peer.terminate();
    const again = await open({ resumeToken: first.resumeToken });
    again.peer.send(PLAY);
    expect(await again.peer.next('matched')).to.include({ sessionId, epoch: 1 });
    expect(asked).to.deep.equal([sessionId]);
  });

  it('reserves a slot when it is new, and so does the next request', async () => {
    const first = await open({ token: testToken({ kind: 'player', playerId: 'alice' }) });
    first.peer.terminate();
    const again = await open({ resumeToken: first.resumeToken });
    for (const requestId of ['r1', 'r2']) {
      again.peer.send({ ...PLAY, requestId });
      const { sessionId } = await again.peer.answer(requestId);
      expect(asked.at(-1)).to.equal(sessionId);
      again.peer.send({ type: 'end', sessionId });
      await again.peer.next('session', ({ state }) => state === 'ended');
    }
    expect(asked).to.have.length(2);
  });

  it('that is cancelled before it is handled is answered with CANCELLED', async () => {
    const first = await open({ token: testToken({ kind: 'player', playerId: 'alice' }) });
    first.peer.terminate();
    const again = await open({ resumeToken: first.resumeToken });
    again.peer.send(PLAY);
    again.peer.send({ type: 'cancel', requestId: PLAY.requestId });
    expect(await again.peer.next('error')).to.include({ code: 'CANCELLED', requestId: PLAY.requestId });
    const [host] = (await duskline.broker.status()).regions.flatMap(({ pools }) =>
      pools.flatMap(({ hostList }) => hostList),
    );
    expect(host?.sessions).to.equal(0);
  });
});
