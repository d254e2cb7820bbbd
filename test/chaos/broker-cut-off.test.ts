import type { DusklineError } from '@duskline/client/node';
import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
import { holdFaultFor } from '../support/time/scenario-time.js';
import { DRIFT, RecoveryFleet, followReplacements } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';
import { startTcpProxy, type TcpProxy } from '../support/network/tcp-proxy.js';

const HOSTS = 6;
const SLOTS = 10;
const PLAYING = 24;
const LATE = 8;
const CUT_MS = 15_000;
const RECOVERY_DEADLINE_MS = 10_000;

/** With the default limits, the hosts of the broker that is cut off count as lost after 10 s. */
describe('A broker that cannot reach Redis for 15 s', () => {
  let proxy: TcpProxy;
  let fleet: RecoveryFleet;
  const groups: PlayerGroup[] = [];
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({
      brokers: 3,
      async redisUrl({ port, url }, broker) {
        if (broker > 0) return url;
        proxy = await startTcpProxy({ port });
        return `redis://127.0.0.1:${proxy.port}`;
      },
    });
    for (let i = 0; i < HOSTS; i += 1) fleet.addHost({ hostId: `h${i}`, slots: SLOTS, broker: i % 3 });
    await fleet.untilReady(HOSTS);
  });
  afterEach(async () => {
    await Promise.all(groups.splice(0).map((group) => group.close()));
    await fleet.stop();
    await proxy.stop();
  });

  function addGroup(name: string, players: number, urls: readonly string[]): PlayerGroup {
    const group = createPlayerGroup({ urls, players, recorder: fleet.recorder, name });
    groups.push(group);
    return group;
  }

  it('ends no session, and serves its clients and hosts again when Redis is reachable', async () => {
    const [cutOff, ...others] = fleet.urls() as [string, ...string[]];
    const playing = addGroup('playing', PLAYING, fleet.urls());
    const late = addGroup('late', LATE, others);
    const stuck = addGroup('stuck', 2, [cutOff]);
    await Promise.all(groups.map((group) => group.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    followReplacements(playing.players);
    await waitUntil(() => fleet.storeAgreesWith(playing.players));
    await fleet.recordSnapshot();

    const mark = fleet.recorder.events.length;
    const cutIsOver = holdFaultFor(CUT_MS);
    const recordEndOfCut = fleet.recordBrokerFault(0, 'cut');
    proxy.cut();
    const [refused, patient] = stuck.players;
    // Without a limit the SDK repeats a request that the broker cannot serve at the moment.
    await refused!.play({ ...DRIFT, retry: { maxWaitMs: 0 } });
    expect((refused!.answer as DusklineError).code).to.equal('UNAVAILABLE');
    const served = patient!.play({ ...DRIFT, retry: { maxWaitMs: 60_000 } });
    // Some of these players get hosts of the broker that is cut off, because these hosts do not count as lost yet.
    await late.playAll({ ...DRIFT, wait: false });
    await late.watchAll();
    followReplacements(late.players);
    await waitUntil(async () => !(await fetch(`${cutOff}/readyz`)).ok);
    await cutIsOver;
    expect(patient!.answer).to.equal(undefined);

    const healedAtMs = performance.now();
    proxy.restore();
    recordEndOfCut();
    await served;
    const servedAtMs = performance.now();
    await patient!.watch();
    const everybody = [...playing.players, ...late.players, patient!];
    await waitUntil(() => fleet.storeAgreesWith(everybody), RECOVERY_DEADLINE_MS);
    await fleet.untilReady(HOSTS);
    await waitUntil(async () => (await fetch(`${cutOff}/readyz`)).ok);
    const recoveredInMs = performance.now() - healedAtMs;
    const total = (await fleet.hosts()).reduce((sum, { committed }) => sum + committed, 0);
    expect(total).to.equal(everybody.length);
    await fleet.recordSnapshot();
    expect(fleet.since(mark, 'session-ended')).to.deep.equal([]);
    const moved = new Set(
      fleet
        .since(mark, 'matched')
        .filter(({ epoch }) => epoch > 1)
        .map(({ player }) => player),
    );

    await Promise.all(groups.map((group) => group.leaveAll()));
    await waitUntil(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.recordSnapshot();
    await fleet.checkHistory({
      scenario: 'broker cut off from Redis',
      clients: PLAYING + LATE + stuck.players.length,
      sessions: everybody.length,
      recoveredInMs,
      servedAgainInMs: Math.round(servedAtMs - healedAtMs),
      placedAgain: moved.size,
    });
  });
});
