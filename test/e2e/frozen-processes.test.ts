import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBrokerProcess, type BrokerProcess } from '../support/processes/broker-process.js';
import { waitUntil } from '../support/time/eventually.js';
import { TEST_CONFIG, testToken } from '../support/fleet/test-broker.js';
import { startHostProcess, type HostProcess } from '../support/processes/host-process.js';

const LIMITS =
  'limits: { heartbeatIntervalMs: 200, suspectAfterMs: 500, lostAfterMs: 1500, sweepIntervalMs: 200, sweepGapMs: 400 }\n';

describe('A host process that is paused and resumed', function () {
  this.timeout(30_000);

  let directory: string;
  let broker: BrokerProcess;
  let host: HostProcess;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-frozen-'));
    const config = join(directory, 'duskline.yaml');
    await writeFile(config, TEST_CONFIG + LIMITS);
    broker = await startBrokerProcess(['--config', config]);
    host = await startHostProcess({ urls: [broker.url.replace('http', 'ws')], hostId: 'h1' });
  });
  afterEach(async () => {
    await host.kill();
    await broker.kill();
    await rm(directory, { recursive: true });
  });

  async function stateOfHost(): Promise<string | undefined> {
    const token = testToken({ kind: 'operator', operatorId: 'olivia' });
    const response = await fetch(`${broker.url}/v1/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { regions } = (await response.json()) as {
      regions: { pools: { hostList: { hostId: string; state: string }[] }[] }[];
    };
    const hosts = regions.flatMap(({ pools }) => pools.flatMap(({ hostList }) => hostList));
    return hosts.find(({ hostId }) => hostId === 'h1')?.state;
  }

  it('is suspect while it hangs, and ready again afterwards', async () => {
    await waitUntil(async () => (await stateOfHost()) === 'ready');
    host.freeze();
    await waitUntil(async () => (await stateOfHost()) === 'suspect');
    host.thaw();
    await waitUntil(async () => (await stateOfHost()) === 'ready');
  });
});
