import { expect } from 'chai';
import { waitUntil } from '../support/eventually.js';
import { holdFaultFor } from '../support/time/scenario-time.js';
import { openPlayer } from '../support/fleet/test-broker.js';
import { DRIFT, RecoveryFleet, followReplacements } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';

const PLAYING = 24;
const DOUBLE = 3;
const SLOTS = 8;
/** Beside the one that dies: as many that three are not half of all. */
const HOSTS = 7;
const FROZEN_MS = 20_000;
const RECOVERY_DEADLINE_MS = 10_000;
/** What a client hears that ends what is no longer its own. */
const REFUSALS = ['STALE_EPOCH', 'UNKNOWN_SESSION'];

/** Default limits. Players notice a silent broker after three seconds. */
describe('A broker that hangs for 20 s and continues', () => {
  let fleet: RecoveryFleet;
  const swarms: PlayerGroup[] = [];
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 3 });
  });
  afterEach(async () => {
    await Promise.all(swarms.splice(0).map((swarm) => swarm.close()));
    await fleet.stop();
  });

  function addSwarm(name: string, players: number, urls: readonly string[]): PlayerGroup {
    const client = { pingIntervalMs: 1_000 };
    const swarm = createPlayerGroup({ urls, players, recorder: fleet.recorder, name, client });
    swarms.push(swarm);
    return swarm;
  }

  it('does not undo what other brokers decided meanwhile', async () => {
    const [frozen, ...others] = fleet.urls() as [string, ...string[]];
    const doomed = fleet.addHost({ hostId: 'doomed', slots: DOUBLE, broker: 1 });
    await fleet.untilReady(1);
    // Players with a connection to the broker that will hang, who then come back with another one.
    const before = await Promise.all(
      Array.from({ length: DOUBLE }, (_, i) => openPlayer(frozen, `double-${i}`)),
    );
    const matched = await Promise.all(
      before.map((peer, i) => {
        peer.send({ type: 'play', requestId: `double-${i}`, ...DRIFT });
        return peer.next('matched');
      }),
    );
    let lateReports = 0;
    for (let i = 0; i < HOSTS; i += 1) {
      const { host } = fleet.addHost({ hostId: `h${i}`, slots: SLOTS, broker: i < 2 ? 0 : 1 + (i % 2) });
      host.on('error', ({ code }) => {
        if (REFUSALS.includes(code)) lateReports += 1;
      });
    }
    await fleet.untilReady(1 + HOSTS);
    const playing = addSwarm('playing', PLAYING, fleet.urls());
    const double = addSwarm('double', DOUBLE, others);
    await Promise.all(swarms.map((swarm) => swarm.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    followReplacements(playing.players);
    await waitUntil(() => fleet.agreesWith(playing.players));
    await fleet.recordSnapshot();

    const mark = fleet.recorder.events.length;
    const over = holdFaultFor(FROZEN_MS);
    const thawed = fleet.breakBroker(0, 'frozen');
    const frozenAtMs = performance.now();
    fleet.brokers[0]!.freeze();
    // It will read this when the sessions are on other hosts, and other connections have them.
    for (const [i, peer] of before.entries()) peer.send({ type: 'end', sessionId: matched[i]!['sessionId'] });
    await Promise.all(double.players.map((player, i) => player.play({ ...DRIFT, requestId: `double-${i}` })));
    await double.watchAll();
    followReplacements(double.players);
    fleet.recorder.record({
      type: 'fault',
      fault: 'host-killed',
      target: 'near/console-x/doomed',
      lasts: false,
    });
    await doomed.crash();
    const everybody = [...playing.players, ...double.players];
    await waitUntil(() => playing.players.every(({ client }) => client.status.state === 'ready'));
    const placedAgain = (): string[] =>
      fleet
        .since(mark, 'matched')
        .filter(({ epoch }) => epoch === 2)
        .map(({ player }) => player);
    await waitUntil(() => double.players.every(({ player }) => placedAgain().includes(player)), FROZEN_MS);
    await over;
    const hostsBack = fleet.since(mark, 'host-back');

    const thawedAtMs = performance.now();
    fleet.brokers[0]!.thaw();
    thawed();
    for (const peer of before) {
      expect((await peer.next('error'))['code']).to.be.oneOf(REFUSALS);
    }
    await waitUntil(() => fleet.agreesWith(everybody), RECOVERY_DEADLINE_MS);
    await fleet.untilReady(HOSTS);
    await waitUntil(async () => (await fetch(`${frozen}/readyz`)).ok);
    const recoveredInMs = performance.now() - thawedAtMs;
    const total = (await fleet.hosts()).reduce((sum, { committed }) => sum + committed, 0);
    expect(total).to.equal(everybody.length);
    await fleet.recordSnapshot();
    expect(fleet.since(mark, 'session-ended')).to.deep.equal([]);

    await Promise.all(swarms.map((swarm) => swarm.leaveAll()));
    await waitUntil(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.recordSnapshot();
    await fleet.checkHistory({
      scenario: 'broker frozen',
      clients: everybody.length + before.length,
      sessions: everybody.length,
      recoveredInMs,
      placedAgain: new Set(placedAgain()).size,
      lateReportsRefused: lateReports,
      hostsMoved: hostsBack.length,
      hostsMovedInMs: Math.round((hostsBack.at(-1)?.atMs ?? frozenAtMs) - frozenAtMs),
    });
  });
});
