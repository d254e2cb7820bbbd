import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { startProgram, type ExampleProcess } from '../support/example-process.js';
import { startTestBroker, testToken } from '../support/fleet/test-broker.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The packages that are published for the SDKs, by folder. */
const PACKAGES = {
  protocol: 'protocol',
  'sdk-runtime': 'sdk-runtime',
  'client-sdk': 'client',
  'host-sdk': 'host',
};

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Packs a package with npm and unpacks it, together with the third-party packages that it declares. */
function install(folder: string, name: string, modules: string): void {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', dirname(modules)], {
    cwd: join(ROOT, folder),
    encoding: 'utf8',
  });
  const target = join(modules, '@duskline', name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(dirname(modules), packed.trim()), '--strip-components=1', '-C', target]);
  for (const dependency of Object.keys(readManifest(target).dependencies ?? {})) {
    if (dependency.startsWith('@duskline/') || readdirSync(modules).includes(dependency)) continue;
    symlinkSync(join(ROOT, 'node_modules', dependency), join(modules, dependency));
  }
}

describe('The packed SDKs', function () {
  this.timeout(30_000);
  let folder: string;
  let modules: string;
  let duskline: Duskline;
  const started: ExampleProcess[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'duskline-packed-'));
    modules = join(folder, 'node_modules');
    for (const [source, name] of Object.entries(PACKAGES)) install(source, name, modules);
    const config = readFileSync(`${ROOT}examples/duskline.yaml`, 'utf8').replace('port: 8080', 'port: 0');
    duskline = await startTestBroker({ config });
  });
  after(async () => {
    for (const { process } of started) process.kill('SIGKILL');
    await duskline.stop();
    rmSync(folder, { recursive: true });
  });

  function start(program: string, env: Readonly<Record<string, string>>): ExampleProcess {
    copyFileSync(`${ROOT}examples/smallest/${program}`, join(folder, program));
    const example = startProgram(join(folder, program), {
      BROKER: duskline.url.replace('http', 'ws'),
      ...env,
    });
    started.push(example);
    return example;
  }

  it('depend on each other in the versions that are packed', () => {
    for (const name of Object.values(PACKAGES)) {
      for (const [dependency, range] of Object.entries(
        readManifest(join(modules, '@duskline', name)).dependencies ?? {},
      )) {
        if (!dependency.startsWith('@duskline/')) continue;
        expect(range, `${name} on ${dependency}`).to.equal(
          `^${readManifest(join(modules, dependency)).version}`,
        );
      }
    }
  });

  it('run the smallest host and player without anything else of the repository', async () => {
    const host = start('host.mjs', {
      HOST_TOKEN: testToken({ kind: 'host', region: 'eu-west', pool: 'console-x' }),
      PORT: String(await freePort()),
    });
    expect((await host.lines.next()).value).to.equal('registered');
    const player = start('player.mjs', { PLAYER_TOKEN: testToken({ kind: 'player', playerId: 'alice' }) });
    expect((await player.lines.next()).value).to.match(/^my-first-host: eu-west\/console-x \(/);
    expect((await player.lines.next()).value).to.equal('streaming starfall');
    expect(await once(player.process, 'exit')).to.deep.equal([0, null]);
  });
});
