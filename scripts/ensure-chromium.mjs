/**
 * Makes sure that Chromium or Chrome is installed for the tests, and writes its path to
 * `node_modules/.cache/duskline/chromium.json` as `{ executablePath }`.
 *
 * Uses the executable in DUSKLINE_CHROMIUM, otherwise one on PATH, otherwise installs one with the system's package manager
 * if that is allowed. If none of these works, it prints instructions and fails, so that no test that needs a browser is
 * skipped unnoticed.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import { findOnPath, giveUp, installPackage, record, succeeds } from './system-packages.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Paths on macOS, which are not on PATH. */
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

/** Some systems have an executable of that name that only explains how to install the browser, so it is run. */
function runs(file) {
  return succeeds(file, ['--version']);
}

function findChromium() {
  return [...NAMES.map(findOnPath), ...USUAL_PLACES].find((file) => file !== undefined && runs(file));
}

/** The executable that DUSKLINE_CHROMIUM names. No other one is used in its place. */
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
    'ensure-chromium: Chromium or Chrome was not found and could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install chromium`, `dnf install chromium`, `apk add chromium`,',
    '    `pacman -S chromium` or `brew install google-chrome`;',
    `  - put the directory of one of these on PATH: ${NAMES.join(', ')};`,
    '  - set DUSKLINE_CHROMIUM to the path of its executable.',
  ]);
} else {
  giveUp([
    `ensure-chromium: DUSKLINE_CHROMIUM is ${named}, which is not an executable that runs.`,
    'Set it to the path of an executable of Chromium or Chrome, or unset it to use one on PATH.',
  ]);
}
