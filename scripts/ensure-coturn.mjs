/**
 * Makes sure that coturn, a TURN server with a client, is installed for the tests, and writes the paths to
 * `node_modules/.cache/duskline/coturn.json` as `{ turnserver, uclient }`.
 *
 * Looks on PATH, otherwise installs coturn with the system's package manager if that is allowed. If neither works, it prints
 * instructions and fails, so that no test that needs TURN is skipped unnoticed.
 */
import { findOnPath, giveUp, installPackage, record } from './system-packages.mjs';

/** On some systems the client is in a separate package, which is installed if the first package does not contain it. */
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
    'ensure-coturn: coturn was not found and could not be installed.',
    'Do one of these and try again:',
    '  - install it: `apt-get install coturn`, `dnf install coturn coturn-utils`, `apk add coturn`,',
    '    `pacman -S coturn` or `brew install coturn`;',
    '  - put the directory of its turnserver and turnutils_uclient on PATH.',
  ]);
} else {
  record('coturn.json', coturn);
}
