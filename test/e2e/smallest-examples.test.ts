import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { startExample, type ExampleProcess } from '../support/example-process.js';
import { startTestBroker, testToken } from '../support/fleet/test-broker.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NAMES = ['host.mjs', 'player.mjs'] as const;

describe('The smallest examples', function () {
  this.timeout(20_000);
  let duskline: Duskline;
  const started: ExampleProcess[] = [];
  before(async () => {
    const config = readFileSync(`${ROOT}examples/duskline.yaml`, 'utf8').replace('port: 8080', 'port: 0');
    duskline = await startTestBroker({ config });
  });
  after(async () => {
    for (const { process } of started) process.kill('SIGKILL');
    await duskline.stop();
  });

  it('are the ones in README.md', () => {
    const readme = readFileSync(`${ROOT}README.md`, 'utf8');
    for (const name of NAMES) {
      const program = readFileSync(`${ROOT}examples/smallest/${name}`, 'utf8');
      expect(readme, name).to.include(`\`\`\`js\n${program}\`\`\`\n`);
    }
  });

  it('work together: the player is matched to the host, and its ticket admits it there', async () => {
    const BROKER = duskline.url.replace('http', 'ws');
    const host = startExample('smallest/host.mjs', {
      BROKER,
      HOST_TOKEN: testToken({ kind: 'host', region: 'eu-west', pool: 'console-x' }),
      PORT: String(await freePort()),
    });
    started.push(host);
    expect((await host.lines.next()).value).to.equal('registered');

    const player = startExample('smallest/player.mjs', {
      BROKER,
      PLAYER_TOKEN: testToken({ kind: 'player', playerId: 'alice' }),
    });
    started.push(player);
    expect((await player.lines.next()).value).to.match(/^my-first-host: eu-west\/console-x \(/);
    expect((await player.lines.next()).value).to.equal('streaming starfall');
    expect(await once(player.process, 'exit')).to.deep.equal([0, null]);
  });
});
