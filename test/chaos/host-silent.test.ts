import type { Session } from '@duskline/client/node';
import { expect } from 'chai';
import { hostName } from '@duskline/loadtest/history/events.js';
import { waitUntil } from '../support/time/eventually.js';
import type { HostProcess } from '../support/processes/host-process.js';
import { DRIFT, RecoveryFleet } from '../support/recovery/recovery-fleet.js';
import { createPlayerGroup, type PlayerGroup } from '../support/recovery/player-group.js';

const SESSIONS = 16;
const SILENT_MS = 6_000;
const SILENT = hostName('near', 'console-x', 'silent');

/** With the default limits, a host is suspect after 4 s and lost after 10 s. */
describe('A host that is silent for 6 s', () => {
  let fleet: RecoveryFleet;
  let watching: PlayerGroup;
  let probing: PlayerGroup;
  let silent: HostProcess;
  beforeEach(async () => {
    fleet = await RecoveryFleet.start({ brokers: 2 });
    const { recorder } = fleet;
    const urls = fleet.urls();
    watching = createPlayerGroup({ urls, recorder, watchesHosts: true, players: SESSIONS, name: 'watching' });
    probing = createPlayerGroup({ urls, recorder, watchesHosts: true, players: 2, name: 'probing' });
    await Promise.all([watching.connectAll(), probing.connectAll()]);
    silent = await fleet.startHost({ hostId: 'silent', slots: 4 * SESSIONS });
    await fleet.untilReady(1);
    await watching.playAll(DRIFT);
    await watching.watchAll();
    await fleet.startHost({ hostId: 'other', slots: 2, broker: 1 });
    await fleet.untilReady(2);
    await waitUntil(async () => (await fleet.sessions('connected')) === SESSIONS);
    await fleet.recordSnapshot();
  });
  afterEach(async () => {
    await Promise.all([watching.close(), probing.close()]);
    await fleet.stop();
  });

  /** Two players request a session at once and end it: as many as the other host has slots. Returns their hosts. */
  async function placeTwo(): Promise<string[]> {
    await probing.playAll({ ...DRIFT, wait: false });
    const sessions = probing.players.map(({ answer }) => answer as Session);
    await Promise.all(sessions.map((session) => session.end()));
    return sessions.map(({ host }) => host.hostId);
  }

  async function untilState(state: 'suspect' | 'ready'): Promise<void> {
    await waitUntil(async () => (await fleet.host('silent'))?.state === state, SILENT_MS);
    fleet.recorder.record({ type: 'host-state', host: SILENT, state });
  }

  it('becomes suspect, gets no new session while it is silent, and keeps all its sessions', async () => {
    const { recorder } = fleet;
    const mark = recorder.events.length;
    const thawAtMs = performance.now() + SILENT_MS;
    recorder.record({ type: 'fault', fault: 'frozen', target: 'silent', lasts: true });
    recorder.record({ type: 'host-silent', host: SILENT });
    silent.freeze();
    await untilState('suspect');
    const suspectAt = recorder.events.length;
    let placed = 0;
    for (; performance.now() < thawAtMs; placed += 2) {
      expect(await placeTwo()).to.deep.equal(['other', 'other']);
    }
    expect(placed).to.be.above(10);
    const thawedAtMs = performance.now();
    silent.thaw();
    recorder.record({ type: 'healed', target: 'silent' });
    recorder.record({ type: 'host-back', host: SILENT });
    await untilState('ready');
    const recoveredInMs = performance.now() - thawedAtMs;
    expect(fleet.since(suspectAt, 'matched').filter(({ host }) => host === SILENT)).to.deep.equal([]);
    // With one session the other host is half full, and so more congested than this host.
    await waitUntil(async () => (await placeTwo()).includes('silent'));

    const ended = fleet.since(mark, 'session-ended').filter(({ player }) => player.startsWith('watching'));
    expect(ended).to.deep.equal([]);
    expect(await fleet.host('silent')).to.include({ committed: SESSIONS });
    expect(await fleet.sessions('connected')).to.equal(SESSIONS);
    await fleet.recordSnapshot();
    await watching.leaveAll();
    await waitUntil(async () => (await fleet.sessions('connected', 'active', 'reserved')) === 0);
    await fleet.recordSnapshot();
    await fleet.checkHistory({
      scenario: 'host silent',
      clients: SESSIONS + probing.players.length,
      sessions: SESSIONS,
      recoveredInMs,
      placedMeanwhile: placed,
    });
  });
});
