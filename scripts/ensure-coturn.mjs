/**
 * Sees to it that tests have a TURN server to start, and a client to try it with: coturn. Writes down where:
 * `node_modules/.cache/duskline/coturn.json` holds `{ turnserver, uclient }`.
 *
 * Looks on PATH, then installs it with the system's package manager where it may. When neither works it says what
 * to do and fails: tests that need TURN are never skipped in silence.
 */
import { findOnPath, giveUp, installPackage, record } from './system-packages.mjs';

/** Some systems have the client in a package of its own, which is installed when the first one brought none. */
const PACKAGES = { others: ['coturn', 'coturn-utils'] };

function findCoturn() {
  const turnserver = findOnPath('turnserver');
  const uclient = findOnPath('turnutils_uclient');
  return turnserver === undefined || uclient === undefined ? undefined : { turnserver, uclient };
}

const coturn =
  findCoturn() ?? installPackage({ script: 'ensure-coturn', packages: PACKAGES, find: findCoturn });
if (coturn === undefined) {
  giveUp([
    'ensure-coturn: there is no coturn here, and it could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install coturn`, `dnf install coturn coturn-utils`, `apk add coturn`,',
    '    `pacman -S coturn` or `brew install coturn`;',
    '  - put the directory of its turnserver and turnutils_uclient on PATH.',
  ]);
} else {
  record('coturn.json', coturn);
}
