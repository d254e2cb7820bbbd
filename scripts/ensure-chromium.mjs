/**
 * Sees to it that tests have a Chromium (or Chrome) to start, and writes down where:
 * `node_modules/.cache/duskline/chromium.json` holds `{ executablePath }`.
 *
 * Takes what DUSKLINE_CHROMIUM names, else looks on PATH, else installs it with the system's package manager
 * where it may. When none of these works it says what to do and fails: tests that need a browser are never
 * skipped in silence.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import { findOnPath, giveUp, installPackage, record, succeeds } from './system-packages.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Where macOS has it, which is not on PATH. */
const USUAL_PLACES = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const PACKAGES = {
  'apt-get': ['chromium', 'chromium-browser'],
  brew: ['google-chrome'],
  others: ['chromium'],
};

const named = process.env.DUSKLINE_CHROMIUM ?? '';

/** Some systems have a file of that name which only says how to install the browser: it has to run. */
function runs(file) {
  return succeeds(file, ['--version']);
}

function findChromium() {
  return [...NAMES.map(findOnPath), ...USUAL_PLACES].find((file) => file !== undefined && runs(file));
}

/** What is named is meant: no other browser stands in for it. */
function namedChromium() {
  return [findOnPath(named), resolve(named)].find((file) => file !== undefined && runs(file));
}

const executablePath =
  named === ''
    ? (findChromium() ??
      installPackage({ script: 'ensure-chromium', packages: PACKAGES, find: findChromium }))
    : namedChromium();
if (executablePath !== undefined) {
  record('chromium.json', { executablePath });
} else if (named === '') {
  giveUp([
    'ensure-chromium: there is no Chromium or Chrome here, and it could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install chromium`, `dnf install chromium`, `apk add chromium`,',
    '    `pacman -S chromium` or `brew install google-chrome`;',
    `  - put the directory of one of these on PATH: ${NAMES.join(', ')};`,
    '  - set DUSKLINE_CHROMIUM to the path of its executable.',
  ]);
} else {
  giveUp([
    `ensure-chromium: DUSKLINE_CHROMIUM is ${named}, which does not run.`,
    'Set it to the path of an executable of Chromium or Chrome, or unset it to have one found.',
  ]);
}
