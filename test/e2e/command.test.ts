import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runDuskline } from '../support/processes/broker-process.js';
import { TEST_ENV } from '../support/fleet/test-broker.js';

describe('The command duskline', function () {
  this.timeout(20_000);

  describe('serve, when it cannot start,', () => {
    let taken: Server;
    let directory: string;
    before(async () => {
      taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      directory = await mkdtemp(join(tmpdir(), 'duskline-command-'));
    });
    after(async () => {
      taken.close();
      await rm(directory, { recursive: true });
    });

    it('says in one line that the port is taken', async () => {
      const { port } = taken.address() as AddressInfo;
      const { code, stderr } = await runDuskline(['serve', '--port', String(port)], TEST_ENV);
      expect(code).to.equal(1);
      expect(stderr).to.match(new RegExp(`^duskline: Port ${port} is in use\\..*\\n$`));
    });

    it('says in one line that Redis is not reachable', async () => {
      const { code, stderr } = await runDuskline(
        ['serve', '--port', '0', '--redis', 'redis://127.0.0.1:1'],
        TEST_ENV,
      );
      expect(code).to.equal(1);
      expect(stderr).to.match(/^duskline: Redis cannot be reached: .*ECONNREFUSED.*\n$/);
    });

    it('names every mistake in its configuration, with its path', async () => {
      const file = join(directory, 'broken.yaml');
      await writeFile(
        file,
        'version: 1\nregions: [{ region: EU, name: x, lat: 91, lon: 0, timeZone: Mars/Base }]\npools: []\n',
      );
      const { code, stderr } = await runDuskline(['serve', '--config', file], TEST_ENV);
      expect(code).to.equal(1);
      for (const path of ['regions[0].region', 'regions[0].lat', 'regions[0].timeZone', 'auth']) {
        expect(stderr).to.include(path);
      }
      expect(stderr).not.to.include('    at ');
    });

    it('says that the configuration file does not exist', async () => {
      const { code, stderr } = await runDuskline(
        ['serve', '--config', join(directory, 'none.yaml')],
        TEST_ENV,
      );
      expect(code).to.equal(1);
      expect(stderr).to.match(/none\.yaml/);
    });
  });

  it('prints its help', async () => {
    const { code, stdout } = await runDuskline(['--help']);
    expect(code).to.equal(0);
    for (const name of [
      'serve',
      'host',
      'play',
      'status',
      'token',
      'drain',
      'undrain',
      'cordon',
      'audit',
      'demo',
    ])
      expect(stdout).to.include(name);
  });

  it('says how to get a token when one is missing', async () => {
    const { code, stderr } = await runDuskline(['status'], { DUSKLINE_TOKEN: '', DUSKLINE_AUTH_SECRET: '' });
    expect(code).to.equal(1);
    expect(stderr).to.match(/This command needs an operator token/);
  });

  it('runs the demo to its end: players matched, no slot overbooked', async () => {
    const { code, stdout } = await runDuskline(['demo', '--seconds', '4', '--json', '--hosts', '24']);
    expect(code).to.equal(0);
    const figures = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>;
    expect(figures).to.include({ store: 'memory', hosts: 24, overbooked: 0 });
    expect(figures['matched']).to.be.greaterThan(10);
    expect(figures).to.include.keys('players', 'queued', 'refused', 'refusedByCode', 'matchMs');
  });
});
