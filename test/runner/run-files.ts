import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const ROOT_HOOKS = fileURLToPath(new URL('../support/mocha-root.js', import.meta.url));
const REPORTER = fileURLToPath(new URL('../support/reporter.js', import.meta.url));

/** Tests that say nothing of their own time have to be done by then. */
const TEST_TIMEOUT_MS = 10_000;

/** Runs test files in processes of their own, `jobs` at a time, in this order, and reports as they end. */
export async function runFiles(
  files: readonly string[],
  { jobs, grep }: { readonly jobs: number; readonly grep: RegExp | undefined },
): Promise<Tally> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const mocha = new Mocha({
    jobs,
    require: [ROOT_HOOKS],
    reporter: REPORTER,
    reporterOptions: { tally: false },
    timeout: TEST_TIMEOUT_MS,
    ...(grep === undefined ? {} : { grep }),
  });
  // Also with one job: then files meet what they meet in a parallel run, a worker that has run other files.
  mocha.parallelMode(true);
  mocha.files = [...files];
  return new Promise((resolve) => {
    const runner = mocha.run((failures) => {
      resolve({ passed: runner.stats?.passes ?? 0, failed: failures });
    });
  });
}
