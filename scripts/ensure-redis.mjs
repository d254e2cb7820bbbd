/**
 * Makes sure that a Redis or Valkey server is installed for tests and benchmarks, and writes how to start it to
 * `node_modules/.cache/duskline/redis-server.json` as `{ command, args }`.
 *
 * Looks on PATH, otherwise installs one with the system's package manager if that is allowed, otherwise tries Docker. If none
 * of these works, it prints instructions and fails, so that no test that needs Redis is skipped unnoticed.
 */
import { tmpdir } from 'node:os';
import process from 'node:process';
import { giveUp, installPackage, record, succeeds } from './system-packages.mjs';

const SERVERS = ['redis-server', 'valkey-server'];
const IMAGE = 'redis:7-alpine';
const PACKAGES = {
  'apt-get': ['redis-server', 'valkey-server'],
  brew: ['redis', 'valkey'],
  others: ['valkey', 'redis'],
};

function findServer() {
  return SERVERS.find((name) => succeeds(name, ['--version']));
}

/** A server in a container that shares this machine's network and temporary directory. */
function dockerServer() {
  if (!succeeds('docker', ['info'])) return undefined;
  if (!succeeds('docker', ['image', 'inspect', IMAGE]) && !succeeds('docker', ['pull', '-q', IMAGE])) {
    return undefined;
  }
  const directory = tmpdir();
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const options = ['--rm', '--network', 'host', '--user', user, '-v', `${directory}:${directory}`];
  return { command: 'docker', args: ['run', ...options, IMAGE, 'redis-server'] };
}

const command =
  findServer() ?? installPackage({ script: 'ensure-redis', packages: PACKAGES, find: findServer });
const server = command === undefined ? dockerServer() : { command, args: [] };
if (server === undefined) {
  giveUp([
    'ensure-redis: redis-server or valkey-server was not found and could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install redis-server`, `dnf install valkey`, `apk add redis`,',
    '    `pacman -S valkey` or `brew install redis`;',
    '  - put the directory of a redis-server (6.2 or newer) on PATH;',
    `  - start Docker, so that ${IMAGE} can be run.`,
  ]);
} else {
  record('redis-server.json', server);
}
