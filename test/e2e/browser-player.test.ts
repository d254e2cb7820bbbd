import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type StreamServer,
} from '@duskline/host/simulated';
import type { HostStatus } from '@duskline/server/broker/operations/fleet-status.js';
import type { Duskline } from '@duskline/server/duskline.js';
import type { FleetStore } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { inPage } from '../support/network/browser.js';
import { waitUntil } from '../support/time/eventually.js';
import { TEST_CONFIG, startTestBroker, testToken } from '../support/fleet/test-broker.js';
import { serveExample, type WebSite } from '../support/network/web-site.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
/** All regions are near enough, even when the machine is so busy that beacons answer late. */
const CONFIG = TEST_CONFIG.replaceAll('maxRttMs: ', 'maxRttMs: 9');

const ALICE = testToken({ kind: 'player', playerId: 'alice' });

/** Messages of Chromium about a broker that it cannot reach. */
const REFUSED = /^WebSocket connection to .* failed: .*ERR_CONNECTION_(REFUSED|RESET)/;

describe('The example player in a browser', function () {
  this.timeout(30_000);

  let site: WebSite;
  before(async () => {
    site = await serveExample('examples/browser-player');
  });
  after(() => site.stop());

  let streams: StreamServer;
  let duskline: Duskline;
  const hosts: SimulatedHost[] = [];
  beforeEach(async () => {
    streams = await createStreamServer({ frameIntervalMs: 100 });
    duskline = await startTestBroker({ config: CONFIG });
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.crash()));
    await streams.close();
    await duskline.stop();
  });

  /** Starts a host with one slot. Resolves when it is ready for a player. */
  async function startHost(): Promise<SimulatedHost> {
    const token = testToken({ kind: 'host', ...REGION_POOL });
    const host = createSimulatedHost({ ...REGION_POOL, url: duskline.url, token, slots: 1, streams });
    hosts.push(host);
    await waitUntil(async () => (await statusOf(host))?.state === 'ready');
    return host;
  }

  async function statusOf({ hostId }: SimulatedHost): Promise<HostStatus | undefined> {
    const { regions } = await duskline.broker.status();
    const pools = regions.flatMap((region) => region.pools);
    return pools.flatMap(({ hostList }) => hostList).find((host) => host.hostId === hostId);
  }

  /** Opens the page, fills in the form and presses Play. */
  async function pressPlay(page: Page, { token = ALICE, title = 'starfall' } = {}): Promise<void> {
    await page.goto(site.url);
    await page.getByLabel('Broker').fill(duskline.url.replace(/^http/, 'ws'));
    await page.getByLabel('Token').fill(token);
    await page.getByLabel('Title').fill(title);
    await button(page, 'Play').click();
  }

  it('measures, is matched, streams, and frees its slot when it leaves', async () => {
    const host = await startHost();
    await inPage(async (page) => {
      await pressPlay(page);
      await shows(page, 'Connection', /^ready$/);
      await shows(page, 'Match', `${host.hostId} in near`);
      await shows(page, 'Why', /\bnear\b/i);
      await shows(page, 'State', 'connected');
      expect(await barsOf(page)).to.have.members(['Near', 'Next', 'Far']);
      expect(await page.locator('[aria-current]').textContent()).to.match(/^Near.*\d ms$/);
      await framesReach(page, 3);
      expect(await statusOf(host)).to.include({ sessions: 1 });

      await button(page, 'Leave').click();
      await shows(page, 'State', 'ended: client_left');
      await shows(page, 'Connection', /^closed$/);
      expect(await button(page, 'Play').isEnabled()).to.equal(true);
      await waitUntil(async () => (await statusOf(host))?.sessions === 0);
      expect(host.stats.ended).to.deep.equal({ client_left: 1 });
    });
  });

  it('can play again, on the same page', async () => {
    const host = await startHost();
    await inPage(async (page) => {
      await pressPlay(page);
      await framesReach(page, 1);
      await button(page, 'Leave').click();
      await shows(page, 'State', 'ended: client_left');
      await button(page, 'Play').click();
      await shows(page, 'State', 'connected');
      await framesReach(page, 1);
      expect(host.stats).to.include({ admitted: 2, overbooked: 0 });
    });
  });

  it('waits for a slot, and gets the first free one', async () => {
    await inPage(async (page) => {
      await pressPlay(page);
      await shows(page, 'Match', 'waiting for a slot');
      const host = await startHost();
      await shows(page, 'Match', host.hostId);
      await framesReach(page, 1);
    });
  });

  it('can leave while it waits for a slot', async () => {
    await inPage(async (page) => {
      await pressPlay(page);
      await shows(page, 'Match', 'waiting for a slot');
      await button(page, 'Leave').click();
      await shows(page, 'Connection', /^closed$/);
      await shows(page, 'Match', 'none');
      expect(await page.getByRole('alert').isVisible()).to.equal(false);
    });
  });

  it('says that the token was refused', async () => {
    await inPage(async (page) => {
      await pressPlay(page, { token: `${ALICE.slice(0, -8)}tampered` });
      await saysError(page, /^UNAUTHENTICATED: .*token/);
      await shows(page, 'Connection', 'closed (UNAUTHENTICATED)');
      expect(await button(page, 'Play').isEnabled()).to.equal(true);
    });
  });

  it('says that no pool has the title', async () => {
    await startHost();
    await inPage(async (page) => {
      await pressPlay(page, { title: 'moonrise' });
      await saysError(page, /^UNKNOWN_TITLE: .*title/);
      expect(await button(page, 'Play').isEnabled()).to.equal(true);
    });
  });

  for (const { memory, createStore } of [
    { memory: 'its memory', createStore: rememberingStore },
    { memory: 'no memory of the session', createStore: (): undefined => undefined },
  ]) {
    it(`keeps streaming while the broker is down, and finds its session after the restart with ${memory}`, async () => {
      await duskline.stop();
      const store = createStore();
      duskline = await startTestBroker({ config: CONFIG, ...(store && { store }) });
      const host = await startHost();
      const test = async (page: Page): Promise<void> => {
        await pressPlay(page);
        await framesReach(page, 1);
        const { port } = duskline.address;
        await duskline.stop();
        await shows(page, 'Connection', /^waiting \(/);
        await framesReach(page, (await framesOf(page)) + 5);

        const config = CONFIG.replace('port: 0', `port: ${port}`);
        duskline = await startTestBroker({ ...(store && { store }), config });
        await shows(page, 'Connection', /^ready$/);
        await shows(page, 'State', 'connected');
        await framesReach(page, (await framesOf(page)) + 5);
        await waitUntil(async () => (await statusOf(host))?.sessions === 1);
        // There was one admission, so all frames were counted on one connection.
        expect(host.stats).to.include({ admitted: 1, refused: 0 });

        await button(page, 'Leave').click();
        await shows(page, 'State', 'ended: client_left');
        await waitUntil(async () => (await statusOf(host))?.sessions === 0);
      };
      await inPage(test, { expected: [REFUSED] });
    });
  }
});

/** The store outlives the broker, as Redis does. */
function rememberingStore(): FleetStore {
  return createMemoryStore({ suspectAfterMs: 4_000 });
}

function button(page: Page, name: 'Play' | 'Leave'): Locator {
  return page.getByRole('button', { name });
}

/** Waits until the page shows this text beside the label. */
async function shows(page: Page, label: string, text: string | RegExp): Promise<void> {
  await page.getByLabel(label, { exact: true }).filter({ hasText: text }).waitFor();
}

async function saysError(page: Page, text: RegExp): Promise<void> {
  await page.getByRole('alert').filter({ hasText: text }).waitFor();
}

/** Labels of the bars of measured regions. Bars without a value belong to regions that were not measured. */
async function barsOf(page: Page): Promise<(string | null)[]> {
  const bars = await page.getByRole('meter').all();
  for (const bar of bars) expect(Number(await bar.getAttribute('value'))).to.be.greaterThan(0);
  return Promise.all(bars.map((bar) => bar.getAttribute('aria-label')));
}

async function framesOf(page: Page): Promise<number> {
  return Number(await page.getByLabel('Frames').textContent());
}

async function framesReach(page: Page, count: number): Promise<void> {
  await waitUntil(async () => (await framesOf(page)) >= count);
}
