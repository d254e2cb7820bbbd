import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type * as sdkPackage from '@duskline/client';
import type { Duskline } from '@duskline/server/duskline.js';
import { inPage } from '../support/network/browser.js';
import { TEST_CONFIG, startTestBroker, testToken } from '../support/fleet/test-broker.js';
import { servePackage, type WebSite } from '../support/network/web-site.js';

describe('The client SDK in a browser', function () {
  this.timeout(30_000);

  let site: WebSite;
  let duskline: Duskline;
  /** A beacon without CORS headers, so that no page may read its answers. */
  let closedBeacon: Server;
  before(async () => {
    site = await servePackage('@duskline/client', 'sdk');
    closedBeacon = createServer((_request, response) => response.writeHead(204).end());
    closedBeacon.listen(0, '127.0.0.1');
    await once(closedBeacon, 'listening');
    const beaconUrl = `http://127.0.0.1:${(closedBeacon.address() as AddressInfo).port}/beacon`;
    const config = TEST_CONFIG.replace('{ region: far,', `{ region: far, beaconUrl: "${beaconUrl}",`);
    duskline = await startTestBroker({ config });
  });
  after(async () => {
    await duskline.stop();
    await site.stop();
    closedBeacon.close();
  });

  it('measures beacons of another origin, and only those that allow it', async () => {
    const url = duskline.url.replace(/^http/, 'ws');
    const test = async (page: Page): Promise<void> => {
      await page.goto(site.url);
      const rtt = await page.evaluate(
        async ({ url, token }) => {
          const { sdk } = globalThis as unknown as { sdk: typeof sdkPackage };
          const client = sdk.createClient({
            url,
            token,
            device: { kind: 'browser', codecs: ['h264'], maxResolution: '1080p' },
          });
          try {
            return await client.measureRegions();
          } finally {
            await client.close();
          }
        },
        { url, token: testToken({ kind: 'player', playerId: 'alice' }) },
      );
      expect(rtt).to.have.all.keys('near', 'next');
      for (const ms of Object.values(rtt)) expect(ms).to.be.within(0.1, 2_000);
    };
    await inPage(test, { expected: [/blocked by CORS policy/, /^Failed to load resource: net::ERR_FAILED/] });
  });
});
