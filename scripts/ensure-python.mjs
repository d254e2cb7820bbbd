/**
 * Makes sure that Python 3 with the package `websockets` is installed for the tests of examples/python, and writes its path
 * to `node_modules/.cache/duskline/python.json` as `{ executablePath }`.
 *
 * Uses the executable in DUSKLINE_PYTHON, otherwise one on PATH or of the system, otherwise installs one with the system's
 * package manager if that is allowed. If none of these works, it prints instructions and fails, so that no test that needs
 * Python is skipped unnoticed.
 */
import process from 'node:process';
import { findOnPath, giveUp, installPackage, record, succeeds } from './system-packages.mjs';

/** The system's package manager installs for the system's Python, which need not be the first on PATH. */
const SYSTEM_PYTHON = '/usr/bin/python3';
const PACKAGES = {
  apk: ['py3-websockets'],
  pacman: ['python-websockets'],
  brew: [],
  others: ['python3-websockets'],
};
const CHECK =
  'import sys, websockets.version as v; sys.exit(sys.version_info < (3, 9) or int(v.version.split(".")[0]) < 10)';

const named = process.env.DUSKLINE_PYTHON ?? '';

function runs(file) {
  return file !== undefined && succeeds(file, ['-c', CHECK]);
}

function findPython() {
  return [findOnPath('python3'), SYSTEM_PYTHON].find(runs);
}

const executablePath =
  named === ''
    ? (findPython() ?? installPackage({ script: 'ensure-python', packages: PACKAGES, find: findPython }))
    : [findOnPath(named), named].find(runs);
if (executablePath !== undefined) {
  record('python.json', { executablePath });
} else if (named === '') {
  giveUp([
    'ensure-python: Python 3.9 or later with the package websockets, 10 or later, was not found and could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install python3-websockets`, `dnf install python3-websockets`, `apk add py3-websockets`',
    '    or `pacman -S python-websockets`;',
    '  - make a virtual environment with `python3 -m venv DIR && DIR/bin/pip install websockets`, and set',
    '    DUSKLINE_PYTHON to DIR/bin/python3.',
  ]);
} else {
  giveUp([
    `ensure-python: DUSKLINE_PYTHON is ${named}, which is no Python 3.9 or later with websockets 10 or later.`,
    'Set it to the path of one, or unset it to use the one of the system.',
  ]);
}
