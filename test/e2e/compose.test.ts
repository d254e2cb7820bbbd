import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LocalCompose, readCompose } from '../support/processes/local-compose.js';
import { waitUntil } from '../support/time/eventually.js';

describe('docker-compose.yml', function () {
  this.timeout(60_000);

  let directory: string;
  let compose: LocalCompose;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'duskline-compose-'));
    compose = await LocalCompose.create(await readCompose(), directory);
  });
  after(async () => {
    await compose.stop();
    await rm(directory, { recursive: true });
  });

  it('defines a persistent Redis, two brokers, hosts in three regions and a player', async () => {
    const { services } = await readCompose();
    const commands = Object.values(services).map(({ command }) => command.join(' '));
    expect(commands.filter((command) => command.startsWith('serve'))).to.have.length(2);
    const regions = commands.flatMap((command) => /--region (\S+)/.exec(command)?.[1] ?? []);
    expect(new Set(regions).size).to.equal(3);
    expect(services['redis']?.command.join(' ')).to.include('--appendonly yes');
    expect(commands.filter((command) => command.startsWith('play'))).to.have.length(1);
  });

  it('works: every service becomes healthy, and the player is matched, plays and leaves', async () => {
    for (const name of compose.order) {
      compose.start(name);
      await waitUntil(() => compose.isHealthy(name), 20_000).catch((error: unknown) => {
        throw new Error(`${name}: ${compose.output(name)}`, { cause: error });
      });
    }
    const code = await compose.exitCode('player');
    const output = compose.output('player');
    expect(code, output).to.equal(0);
    expect(output).to.match(/Matched: \S+\/(console-x|pc-ultra)/);
    expect(output).to.match(/Left after [1-9]\d* frames\. The session ended with client_left\./);
  });
});
