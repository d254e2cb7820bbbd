import type { Session } from '@duskline/client/node';
import { expect } from 'chai';
import { eventually } from '../support/eventually.js';
import { DRIFT, RecoveryFleet, drainQueue, queueUp } from '../support/recovery-fleet.js';
import { createSwarm, type Swarm } from '../support/swarm.js';

const PLAYING = 430;
const UNCLAIMED = 20;
const QUEUED = 50;
const HOSTS = 15;
const RECOVERY_DEADLINE_MS = 20_000;

/** Default limits; three brokers, and every client is with the one that dies. */
describe('kill -9 of a broker with 500 clients', () => {
  let fleet: RecoveryFleet;
  let playing: Swarm;
  let unclaimed: Swarm;
  let queued: Swarm;
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 3 });
    const slots = (PLAYING + UNCLAIMED) / HOSTS;
    for (let i = 0; i < HOSTS; i += 1) fleet.addHost({ hostId: `h${i}`, slots, broker: i % 3 });
    const [first, second, third] = fleet.urls() as [string, string, string];
    const urls = (i: number): string[] => (i % 2 === 0 ? [first, second, third] : [first, third, second]);
    const { recorder } = fleet;
    playing = createSwarm({ urls, players: PLAYING, recorder, name: 'playing' });
    unclaimed = createSwarm({ urls, players: UNCLAIMED, recorder, name: 'unclaimed' });
    queued = createSwarm({ urls, players: QUEUED, recorder, name: 'queued' });
    await fleet.untilReady(HOSTS);
  });
  afterEach(async () => {
    await Promise.all([playing, unclaimed, queued].map((swarm) => swarm.close()));
    await fleet.stop();
  });

  it('takes no session, no reservation and no place in the queue with it', async () => {
    const swarms = [playing, unclaimed, queued];
    const everybody = swarms.flatMap(({ players }) => players);
    await Promise.all(swarms.map((swarm) => swarm.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    await unclaimed.playAll(DRIFT);
    await queueUp(queued.players);
    await eventually(async () => (await fleet.sessions('connected')) === PLAYING);
    await fleet.picture();
    const had = [...playing.players, ...unclaimed.players].map(({ answer }) => (answer as Session).sessionId);

    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killBroker(0);
    const answered = (): Set<string> =>
      new Set(fleet.since(mark, 'matched', 'queued').map(({ player }) => player));
    await eventually(() => answered().size === everybody.length, RECOVERY_DEADLINE_MS);
    const clientsAtMs = performance.now();
    await eventually(() => fleet.since(mark, 'host-back').length === fleet.since(mark, 'host-silent').length);
    const hostsAtMs = fleet.since(mark, 'host-back').at(-1)?.atMs ?? 0;

    expect(fleet.since(mark, 'disconnected')).to.have.length(everybody.length);
    const matched = fleet.since(mark, 'matched');
    expect(new Set(matched.map(({ sessionId }) => sessionId))).to.deep.equal(new Set(had));
    expect(new Set(matched.map(({ epoch }) => epoch))).to.deep.equal(new Set([1]));
    expect(fleet.since(mark, 'over', 'refused', 'host-ended')).to.deep.equal([]);
    await unclaimed.watchAll();
    await eventually(async () => (await fleet.sessions('connected')) === PLAYING + UNCLAIMED);
    await fleet.picture();

    const offers = await drainQueue(fleet, playing.players.slice(0, QUEUED));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await eventually(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await eventually(async () => (await fleet.sessions('connected')) === PLAYING + UNCLAIMED);
    await fleet.picture();
    await Promise.all([unclaimed.leaveAll(), queued.leaveAll()]);
    await Promise.all(playing.players.slice(QUEUED).map((player) => player.leave()));
    await eventually(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.picture();
    await fleet.judge({
      scenario: 'broker killed',
      clients: everybody.length,
      sessions: had.length,
      recoveredInMs: Math.max(clientsAtMs, hostsAtMs) - killedAtMs,
      clientsBackInMs: Math.round(clientsAtMs - killedAtMs),
      hostsBackInMs: Math.round(hostsAtMs - killedAtMs),
    });
  });
});
