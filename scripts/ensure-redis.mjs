/**
 * Sees to it that tests and benchmarks have a Redis (or Valkey) server to start, and writes down how:
 * `node_modules/.cache/duskline/redis-server.json` holds `{ command, args }`.
 *
 * Looks on PATH, then installs it with the system's package manager where it may, then tries Docker.
 * When none of these works it says what to do and fails: tests that need Redis are never skipped in silence.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import process from 'node:process';

const RECORD = new URL('../node_modules/.cache/duskline/redis-server.json', import.meta.url);
const SERVERS = ['redis-server', 'valkey-server'];
const IMAGE = 'redis:7-alpine';

/** Per package manager, the commands that install a server; names differ between systems. */
const INSTALLERS = [
  { manager: 'apt-get', prepare: ['update', '-q'], install: ['install', '-y', '-q'], needsRoot: true },
  { manager: 'dnf', install: ['install', '-y', '-q'], needsRoot: true },
  { manager: 'apk', install: ['add', '--no-cache'], needsRoot: true },
  { manager: 'pacman', install: ['-Sy', '--noconfirm'], needsRoot: true },
  { manager: 'brew', install: ['install'], needsRoot: false },
];
const PACKAGES = { 'apt-get': ['redis-server', 'valkey-server'], brew: ['redis', 'valkey'] };
const USUAL_PACKAGES = ['valkey', 'redis'];

/** Whether a command ran and succeeded. */
function succeeds(command, args, stdio = 'ignore') {
  return spawnSync(command, args, { stdio }).status === 0;
}

function findServer() {
  return SERVERS.find((name) => succeeds(name, ['--version']));
}

/** How to run something as root without being asked for a password; null when that is not possible. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : null;
}

function installServer() {
  for (const { manager, prepare, install, needsRoot } of INSTALLERS) {
    if (!succeeds(manager, ['--version'])) continue;
    const prefix = needsRoot ? asRoot() : [];
    if (prefix === null) continue;
    const run = (args) => {
      const [command, ...rest] = [...prefix, manager, ...args];
      console.log(`ensure-redis: ${[command, ...rest].join(' ')}`);
      return succeeds(command, rest, ['ignore', 'ignore', 'inherit']);
    };
    // Stale lists are worth a try: the package may be in them.
    if (prepare !== undefined) run(prepare);
    for (const name of PACKAGES[manager] ?? USUAL_PACKAGES) {
      if (run([...install, name]) && findServer() !== undefined) return findServer();
    }
  }
  return undefined;
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

function record(server) {
  mkdirSync(new URL('.', RECORD), { recursive: true });
  writeFileSync(RECORD, `${JSON.stringify(server)}\n`);
}

const command = findServer() ?? installServer();
const server = command === undefined ? dockerServer() : { command, args: [] };
if (server === undefined) {
  console.error(
    [
      'ensure-redis: there is no redis-server or valkey-server here, and it could not be installed.',
      'Do one of these and try again:',
      '  - install it: `apt-get install redis-server`, `dnf install valkey`, `apk add redis`,',
      '    `pacman -S valkey` or `brew install redis`;',
      '  - put the directory of a redis-server (6.2 or newer) on PATH;',
      `  - start Docker, so that ${IMAGE} can be run.`,
    ].join('\n'),
  );
  process.exitCode = 1;
} else {
  record(server);
}
