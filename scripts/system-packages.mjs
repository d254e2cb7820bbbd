/**
 * Functions of the `ensure-*` scripts: find programs, install them with the system's package manager if that is allowed, and
 * record the result for the tests.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const RECORDS = new URL('../node_modules/.cache/duskline/', import.meta.url);

/** The commands of each package manager. */
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

/** @returns the path of an executable on PATH; `undefined` when there is none */
export function findOnPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/**
 * Installs packages one after another, until `find` returns a value.
 *
 * @param script name of the calling script, for messages
 * @param packages package names by package manager; `others` is for managers that are not listed
 * @returns the value of `find`; `undefined` when no package helped
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
    // The result is ignored: the package may be in an outdated list.
    if (prepare !== undefined) run(prepare);
    for (const name of byManager[manager] ?? others) {
      const found = run([...install, name]) ? find() : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Writes a value to `node_modules/.cache/duskline/<file>` as JSON. */
export function record(file, found) {
  mkdirSync(RECORDS, { recursive: true });
  writeFileSync(new URL(file, RECORDS), `${JSON.stringify(found)}\n`);
}

/** Prints instructions, and lets the script fail. */
export function giveUp(lines) {
  console.error(lines.join('\n'));
  process.exitCode = 1;
}

/** @returns the prefix that runs a command as root without a password; `null` when that is not possible */
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
