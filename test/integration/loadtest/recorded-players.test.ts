import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import type { Duskline } from '@duskline/server/duskline.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { expect } from 'chai';
import { checkHistory, describeViolations } from '@duskline/loadtest/history/check-history.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { recordFleet } from '../../support/fleet/record-fleet.js';
import { recordHost } from '@duskline/loadtest/history/host-recording.js';
import { createRecorder, type Recorder } from '@duskline/loadtest/history/recorder.js';
import { waitUntil } from '../../support/time/eventually.js';
import { startTestBroker, testToken } from '../../support/fleet/test-broker.js';
import { createPlayerGroup } from '../../support/recovery/player-group.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
const PLAY = { title: 'starfall', rtt: { near: 12 }, wait: false };

describe('A group of recorded players', function () {
  this.timeout(20_000);
  let recorder: Recorder;
  let store: FleetStore;
  let duskline: Duskline;
  let streams: StreamServer;
  let hosts: SimulatedHost[];
  beforeEach(async () => {
    recorder = createRecorder();
    store = createMemoryStore({ suspectAfterMs: 4_000 });
    duskline = await startTestBroker({ store });
    streams = await createStreamServer();
    hosts = ['h1', 'h2', 'h3'].map((hostId) => {
      const token = testToken({ kind: 'host', ...REGION_POOL });
      const simulated = createSimulatedHost({
        url: duskline.url,
        token,
        hostId,
        ...REGION_POOL,
        slots: 8,
        streams,
      });
      recordHost(recorder, hostName(REGION_POOL.region, REGION_POOL.pool, hostId), simulated.host);
      return simulated;
    });
    await waitUntil(
      async () => (await store.listHosts(REGION_POOL)).filter(({ state }) => state === 'ready').length === 3,
    );
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.leave()));
    await streams.close();
    await duskline.stop();
    await store.close();
  });

  async function sessionsInStates(...states: string[]): Promise<number> {
    const all = await Promise.all(hosts.map(({ hostId }) => store.listHostSessions(REGION_POOL, hostId)));
    return all.flat().filter(({ state }) => states.includes(state)).length;
  }

  it('plays, loses every socket at once, reconnects and leaves, and its history violates no rule', async () => {
    const group = createPlayerGroup({ urls: [duskline.url], players: 30, recorder });
    await group.connectAll();
    await group.playAll(PLAY);
    await group.watchAll();
    await waitUntil(async () => (await sessionsInStates('connected')) === 24);
    await recordFleet(recorder, store, [REGION_POOL], true);

    expect(group.cutAll()).to.equal(30);
    await waitUntil(() => group.players.every(({ client }) => client.status.state !== 'ready'));
    await group.connectAll();
    await recordFleet(recorder, store, [REGION_POOL], true);

    await group.leaveAll();
    await waitUntil(async () => (await sessionsInStates('connected', 'active', 'reserved')) === 0);
    await recordFleet(recorder, store, [REGION_POOL], true);
    await group.close();

    const seen = (type: string): number => recorder.events.filter((event) => event.type === type).length;
    expect({ admitted: seen('admitted'), left: seen('left') }).to.deep.equal({ admitted: 24, left: 24 });
    expect(seen('connected')).to.equal(60);
    const violations = checkHistory(recorder.events);
    expect(violations, describeViolations(violations)).to.deep.equal([]);
  });
});
