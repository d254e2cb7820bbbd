import type { Session } from '@duskline/client/node';
import { expect } from 'chai';
import { eventually } from '../support/eventually.js';
import type { HostProcess } from '../support/host-process.js';
import { DRIFT, RecoveryFleet, drainQueue, queueUp } from '../support/recovery-fleet.js';
import { createSwarm, type Swarm } from '../support/swarm.js';

const MOBILE = 24;
const LOCAL = 24;
const QUEUED = 10;
/** Default limits: lost after 10 s, by two sweeps that are 2 s apart and come every second; then one second. */
const PLACED_AGAIN_WITHIN_MS = 10_000 + (1_000 + 2_000 + 1_000) + 1_000;

/**
 * Default limits. Everything near is full, and a queue waits there; there is room farther away, where those who wait
 * do not want to go.
 */
describe('kill -9 of a host', () => {
  let fleet: RecoveryFleet;
  let locals: Swarm;
  let mobile: Swarm;
  let queued: Swarm;
  let doomed: HostProcess;
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 2 });
    const { recorder } = fleet;
    const urls = fleet.urls();
    locals = createSwarm({ urls, recorder, watchesHosts: true, players: LOCAL, name: 'local' });
    mobile = createSwarm({ urls, recorder, watchesHosts: true, players: MOBILE, name: 'mobile' });
    queued = createSwarm({ urls, recorder, watchesHosts: true, players: QUEUED, name: 'queued' });
    await Promise.all([locals, mobile, queued].map((swarm) => swarm.connectAll()));

    await fleet.startHost({ hostId: 'stays', slots: LOCAL });
    await fleet.untilReady(1);
    await locals.playAll(DRIFT);
    doomed = await fleet.startHost({ hostId: 'doomed', slots: MOBILE, broker: 1 });
    await fleet.untilReady(2);
    await mobile.playAll({ ...DRIFT, rtt: { near: 12, next: 30 } });
    await Promise.all([locals.watchAll(), mobile.watchAll()]);
    await queueUp(queued.players);
    await fleet.startHost({ hostId: 'farther', slots: MOBILE, region: 'next', broker: 1 });
    await fleet.untilReady(3);
    await eventually(async () => (await fleet.sessions('connected')) === LOCAL + MOBILE);
    await fleet.picture();
  });
  afterEach(async () => {
    await Promise.all([locals, mobile, queued].map((swarm) => swarm.close()));
    await fleet.stop();
  });

  it('places its sessions again on another host, once, and leaves the queue alone', async () => {
    const had = mobile.players.map(({ answer }) => (answer as Session).sessionId);
    const mark = fleet.recorder.events.length;
    const killedAtMs = await fleet.killHost(doomed);
    await eventually(() => fleet.since(mark, 'matched').length === MOBILE, PLACED_AGAIN_WITHIN_MS + 5_000);
    const placedAgainAtMs = fleet.since(mark, 'matched').at(-1)!.atMs;
    expect(placedAgainAtMs - killedAtMs).to.be.within(8_000, PLACED_AGAIN_WITHIN_MS);
    await mobile.watchAll();
    await eventually(async () => (await fleet.sessions('connected')) === LOCAL + MOBILE);
    const recoveredAtMs = performance.now();
    expect(await fleet.host('doomed')).to.equal(undefined);
    expect(await fleet.host('farther')).to.include({ committed: MOBILE });
    await fleet.picture();

    const matched = fleet.since(mark, 'matched');
    expect(matched.map(({ sessionId }) => sessionId)).to.have.members(had);
    for (const { host, epoch } of matched) {
      expect({ host, epoch }).to.deep.equal({ host: 'next/console-x/farther', epoch: 2 });
    }
    expect(fleet.since(mark, 'over', 'refused', 'offered')).to.deep.equal([]);

    const offers = await drainQueue(fleet, locals.players.slice(0, QUEUED));
    expect(offers).to.deep.equal(queued.players.map(({ player }) => player));
    await eventually(() => queued.players.every(({ answer }) => answer !== undefined));
    await queued.watchAll();
    await Promise.all([locals, mobile, queued].map((swarm) => swarm.leaveAll()));
    await eventually(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.picture();
    await fleet.judge({
      scenario: 'host killed',
      clients: LOCAL + MOBILE + QUEUED,
      sessions: LOCAL + MOBILE,
      recoveredInMs: recoveredAtMs - killedAtMs,
      placedAgainInMs: Math.round(placedAgainAtMs - killedAtMs),
    });
  });
});
