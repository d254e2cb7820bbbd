import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import { openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import type { Peer } from '../../support/fleet/peer.js';
import { createClientLane, createFirstFrameLane, createHostLane, type Lane } from './fuzz-lanes.js';
import { usedBytes } from './memory.js';
import { createRandom } from './mutator.js';

const SEED = 20_261_123;
const MUTANTS = 10_000;

/** Number of mutated frames between two matches of the player who must not be affected. */
const MATCH_EVERY = 200;

const MAX_GROWTH_BYTES = 12 * 1024 * 1024;

describe('Ten thousand mutated frames', function () {
  this.timeout(90_000);
  let duskline: Duskline;
  let steady: Peer;
  let player: Peer;
  before(async () => {
    // Reservations of mutated requests expire soon. Hosts need no heartbeats during this test.
    duskline = await startTestBroker({
      limits: { reservationMs: 500, sweepIntervalMs: 100, suspectAfterMs: 60_000, lostAfterMs: 120_000 },
    });
    steady = await openReadyHost(duskline, { hostId: 'steady' });
    await openReadyHost(duskline, { hostId: 'prey', region: 'next' });
    player = await openPlayer(duskline.url, 'bob');
  });
  after(() => duskline.stop());

  /** Plays one session of the unaffected player. Returns the time until `matched`, in milliseconds. */
  async function playOnce(round: number): Promise<number> {
    const requestId = `bob-${round}`;
    const startedAt = performance.now();
    player.send({ type: 'play', requestId, title: 'drift', rtt: { near: 5 } });
    const { sessionId } = await player.next('matched', (frame) => frame['requestId'] === requestId);
    const tookMs = performance.now() - startedAt;
    await steady.next('prepare', (frame) => frame['sessionId'] === sessionId);
    player.send({ type: 'end', sessionId });
    await player.next('session', (frame) => frame['state'] === 'ended');
    await steady.next('end', (frame) => frame['sessionId'] === sessionId);
    expect([...player.unread, ...steady.unread], 'messages that no client requested').to.deep.equal([]);
    return tookMs;
  }

  function createLanes(url: string): Lane[] {
    const random = (lane: number): (() => number) => createRandom(SEED + lane);
    return [
      ...[0, 1, 2, 3].map((lane) => createClientLane(url, `fuzz-${lane}`, random(lane))),
      ...[4, 5, 6, 7].map((lane) => createHostLane(url, `fuzz-${lane}`, random(lane))),
      createFirstFrameLane(url, 'client', random(8)),
      createFirstFrameLane(url, 'host', random(9)),
    ];
  }

  it('are each answered as the validator decides, and do not affect other peers', async () => {
    const lanes = createLanes(duskline.url);
    const waits: number[] = [];
    let playing = Promise.resolve();
    let next = 0;
    let valid = 0;

    async function run(lane: Lane, until: number): Promise<void> {
      while (next < until) {
        const index = next;
        next += 1;
        if (await lane.step(index)) valid += 1;
        if (index % MATCH_EVERY === 0) {
          playing = playing.then(async () => void waits.push(await playOnce(index)));
          await playing;
        }
      }
    }
    const runAll = (until: number): Promise<unknown> => Promise.all(lanes.map((lane) => run(lane, until)));

    await runAll(MUTANTS / 4);
    const bytesBefore = usedBytes();
    await runAll(MUTANTS);
    await Promise.all(lanes.map((lane) => lane.close()));
    const growth = usedBytes() - bytesBefore;

    expect(next).to.equal(MUTANTS);
    expect(valid, 'mutants that stayed valid').to.be.within(MUTANTS * 0.2, MUTANTS * 0.6);
    expect(waits).to.have.length(MUTANTS / MATCH_EVERY);
    const sorted = [...waits].sort((a, b) => a - b);
    expect(sorted[sorted.length >> 1], 'median wait for a match').to.be.below(50);
    expect(sorted.at(-1), 'longest wait for a match').to.be.below(500);
    expect(growth, 'growth in bytes').to.be.below(MAX_GROWTH_BYTES);
    expect(duskline.broker.ready).to.be.true;
  });
});
