/**
 * What the `ensure-*` scripts share: finding programs, installing them with the system's package manager
 * where that may be done, and writing down for the tests what was found.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const RECORDS = new URL('../node_modules/.cache/duskline/', import.meta.url);

/** Per package manager, the commands that install something; names of packages differ between systems. */
const INSTALLERS = [
  { manager: 'apt-get', prepare: ['update', '-q'], install: ['install', '-y', '-q'], needsRoot: true },
  { manager: 'dnf', install: ['install', '-y', '-q'], needsRoot: true },
  { manager: 'apk', install: ['add', '--no-cache'], needsRoot: true },
  { manager: 'pacman', install: ['-Sy', '--noconfirm'], needsRoot: true },
  { manager: 'brew', install: ['install'], needsRoot: false },
];

/** Whether a command ran and succeeded. */
export function succeeds(command, args, stdio = 'ignore') {
  return spawnSync(command, args, { stdio }).status === 0;
}

/** The file that a name on PATH stands for; `undefined` when there is none. */
export function findOnPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/**
 * Installs packages, one after another, until `find` gives something, and answers that; `undefined` when
 * nothing helped.
 *
 * @param script names the caller in what is printed
 * @param packages names by package manager; `others` are for those not listed
 */
export function installPackage({ script, packages: { others, ...byManager }, find }) {
  for (const { manager, prepare, install, needsRoot } of INSTALLERS) {
    if (!succeeds(manager, ['--version'])) continue;
    const prefix = needsRoot ? asRoot() : [];
    if (prefix === null) continue;
    const run = (args) => {
      const [command, ...rest] = [...prefix, manager, ...args];
      console.log(`${script}: ${[command, ...rest].join(' ')}`);
      return succeeds(command, rest, ['ignore', 'ignore', 'inherit']);
    };
    // Stale lists are worth a try: the package may be in them.
    if (prepare !== undefined) run(prepare);
    for (const name of byManager[manager] ?? others) {
      const found = run([...install, name]) ? find() : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Writes down what was found, as `node_modules/.cache/duskline/<file>`. */
export function record(file, found) {
  mkdirSync(RECORDS, { recursive: true });
  writeFileSync(new URL(file, RECORDS), `${JSON.stringify(found)}\n`);
}

/** Says what to do, and fails: what tests need is never skipped in silence. */
export function giveUp(lines) {
  console.error(lines.join('\n'));
  process.exitCode = 1;
}

/** How to run something as root without being asked for a password; null when that is not possible. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
