import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import { waitUntil } from '../../support/time/eventually.js';
import {
  IDLE_LOAD,
  openHost,
  openPlayer,
  openReadyHost,
  startTestBroker,
} from '../../support/fleet/test-broker.js';
import { newSessionId } from '../../support/fleet/fleet-data.js';
import { usedBytes } from '../frames/memory.js';
import { rawSocket } from '../frames/raw-frames.js';

/** The largest allowed number, so that the answers to one heartbeat are as large as possible. */
const SLOTS = 512;

const MAX_SOCKET_BUFFER_BYTES = 64 * 1024;
const MAX_GROWTH_BYTES = 4 * 1024 * 1024;

describe('Peers that never read', function () {
  this.timeout(90_000);
  let duskline: Duskline;
  before(async () => {
    // The other host must not be lost during the test.
    duskline = await startTestBroker({
      limits: { maxSocketBufferBytes: MAX_SOCKET_BUFFER_BYTES, lostAfterMs: 300_000 },
    });
  });
  after(() => duskline.stop());

  it('are closed at the limit of the send buffer, which bounds their memory', async () => {
    const sessions = Array.from({ length: SLOTS }, () => ({
      sessionId: newSessionId(),
      epoch: 1,
      state: 'connected',
    }));
    const honest = await openHost(duskline.url, { hostId: 'honest', slots: SLOTS, sessions });
    honest.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
    await waitUntil(async () => {
      const { regions } = await duskline.broker.status();
      return regions[0]?.pools[0]?.sessions === SLOTS;
    });
    const greedy = await openReadyHost(duskline, { hostId: 'greedy', slots: SLOTS });
    const player = await openPlayer(duskline.url, 'alice');
    rawSocket(greedy).pause();

    const bytesBefore = usedBytes();
    let highest = 0;
    let rounds = 0;
    await waitUntil(() => {
      // The kernel buffers a few megabytes before data waits in the broker.
      greedy.send({ type: 'heartbeat', load: IDLE_LOAD, sessions });
      rounds += 1;
      if (rounds % 20 === 0) highest = Math.max(highest, usedBytes() - bytesBefore);
      return duskline.broker.connections.hosts === 1;
    }, 80_000);
    expect(highest).to.be.below(MAX_GROWTH_BYTES);

    rawSocket(greedy).resume();
    expect((await greedy.closed).code).to.be.oneOf([4413, 1006]);
    player.send({ type: 'ping', id: 1 });
    await player.next('pong');
    expect(honest.unread).to.deep.equal([]);
    const { regions } = await duskline.broker.status();
    expect(regions[0]?.pools[0]?.sessions).to.equal(SLOTS);
  });
});
