import { expect } from 'chai';
import { waitUntil } from '../support/time/eventually.js';
import { holdFaultFor } from '../support/time/scenario-time.js';
import { openPlayer } from '../support/fleet/test-broker.js';
import { DRIFT, RecoveryFleet, followReplacements } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';

const PLAYING = 24;
/** Players who have a connection to the frozen broker, and open a second one to another broker. */
const RECONNECTED = 3;
const SLOTS = 8;
/** Hosts besides the one that is killed: so many that the three silent ones are fewer than half, and so no mass silence. */
const HOSTS = 7;
const FROZEN_MS = 20_000;
const RECOVERY_DEADLINE_MS = 10_000;
/** Errors for a client that ends a session which has another epoch by now, and for a host that reports it. */
const REFUSALS = ['STALE_EPOCH', 'UNKNOWN_SESSION'];

/** With the default limits. Players ping once a second, and so detect a silent broker after three seconds. */
describe('A broker that hangs for 20 s and continues', () => {
  let fleet: RecoveryFleet;
  const groups: PlayerGroup[] = [];
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 3 });
  });
  afterEach(async () => {
    await Promise.all(groups.splice(0).map((group) => group.close()));
    await fleet.stop();
  });

  function addGroup(name: string, players: number, urls: readonly string[]): PlayerGroup {
    const client = { pingIntervalMs: 1_000 };
    const group = createPlayerGroup({ urls, players, recorder: fleet.recorder, name, client });
    groups.push(group);
    return group;
  }

  it('does not undo what other brokers decided meanwhile', async () => {
    const [frozen, ...others] = fleet.urls() as [string, ...string[]];
    const doomed = fleet.addHost({ hostId: 'doomed', slots: RECONNECTED, broker: 1 });
    await fleet.untilReady(1);
    // These players are connected to the broker that will hang, and connect again to another broker later.
    const before = await Promise.all(
      Array.from({ length: RECONNECTED }, (_, i) => openPlayer(frozen, `reconnected-${i}`)),
    );
    const matched = await Promise.all(
      before.map((peer, i) => {
        peer.send({ type: 'play', requestId: `reconnected-${i}`, ...DRIFT });
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
    const playing = addGroup('playing', PLAYING, fleet.urls());
    const reconnected = addGroup('reconnected', RECONNECTED, others);
    await Promise.all(groups.map((group) => group.connectAll()));
    await playing.playAll(DRIFT);
    await playing.watchAll();
    followReplacements(playing.players);
    await waitUntil(() => fleet.storeAgreesWith(playing.players));
    await fleet.recordSnapshot();

    const mark = fleet.recorder.events.length;
    const freezeIsOver = holdFaultFor(FROZEN_MS);
    const recordEndOfFreeze = fleet.recordBrokerFault(0, 'frozen');
    const frozenAtMs = performance.now();
    fleet.brokers[0]!.freeze();
    // The frozen broker reads these messages after the sessions have moved to other hosts and other connections.
    for (const [i, peer] of before.entries()) peer.send({ type: 'end', sessionId: matched[i]!['sessionId'] });
    await Promise.all(
      reconnected.players.map((player, i) => player.play({ ...DRIFT, requestId: `reconnected-${i}` })),
    );
    await reconnected.watchAll();
    followReplacements(reconnected.players);
    fleet.recorder.record({
      type: 'fault',
      fault: 'host-killed',
      target: 'near/console-x/doomed',
      lasts: false,
    });
    await doomed.crash();
    const everybody = [...playing.players, ...reconnected.players];
    await waitUntil(() => playing.players.every(({ client }) => client.status.state === 'ready'));
    const placedAgain = (): string[] =>
      fleet
        .since(mark, 'matched')
        .filter(({ epoch }) => epoch === 2)
        .map(({ player }) => player);
    await waitUntil(
      () => reconnected.players.every(({ player }) => placedAgain().includes(player)),
      FROZEN_MS,
    );
    await freezeIsOver;
    const hostsBack = fleet.since(mark, 'host-back');

    const thawedAtMs = performance.now();
    fleet.brokers[0]!.thaw();
    recordEndOfFreeze();
    for (const peer of before) {
      expect((await peer.next('error'))['code']).to.be.oneOf(REFUSALS);
    }
    await waitUntil(() => fleet.storeAgreesWith(everybody), RECOVERY_DEADLINE_MS);
    await fleet.untilReady(HOSTS);
    await waitUntil(async () => (await fetch(`${frozen}/readyz`)).ok);
    const recoveredInMs = performance.now() - thawedAtMs;
    const total = (await fleet.hosts()).reduce((sum, { committed }) => sum + committed, 0);
    expect(total).to.equal(everybody.length);
    await fleet.recordSnapshot();
    expect(fleet.since(mark, 'session-ended')).to.deep.equal([]);

    await Promise.all(groups.map((group) => group.leaveAll()));
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
