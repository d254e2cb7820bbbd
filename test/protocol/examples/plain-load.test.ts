import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Duskline } from '@duskline/server/duskline.js';
import { TEST_ENV, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';

const SCRIPT = fileURLToPath(new URL('../../../../examples/plain-load.mjs', import.meta.url));

describe('The plain load of docs/load/load-testing.md', function () {
  this.timeout(20_000);
  let duskline: Duskline;
  before(async () => {
    duskline = await startTestBroker();
  });
  after(() => duskline.stop());

  it('plays against a broker, and reports what players got and how long they waited', async () => {
    await openReadyHost(duskline, { hostId: 'h1', slots: 64 });
    const url = duskline.url.replace('http', 'ws');
    const child = spawn(process.execPath, [SCRIPT, url, 'starfall', '30', '1'], {
      env: { ...process.env, ...TEST_ENV },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString('utf8')));
    await once(child, 'close');
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result['offered']).to.be.within(10, 60);
    expect(result['matched']).to.equal(result['offered']);
    expect(Number(result['p50'])).to.be.within(0.5, 5_000);
  });
});
