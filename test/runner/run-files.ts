import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';

export interface FailedTest {
  /** The titles of its suites and its own. */
  readonly title: string;
  readonly message: string;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly failedTests: readonly FailedTest[];
}

const ROOT_HOOKS = fileURLToPath(new URL('../support/mocha-root.js', import.meta.url));
const REPORTER = fileURLToPath(new URL('../support/reporter.js', import.meta.url));

/** Time limit of tests that do not set their own. */
const TEST_TIMEOUT_MS = 10_000;

/** Runs test files in worker processes, `jobs` at a time, in the given order, and reports each file when it ends. */
export async function runFiles(
  files: readonly string[],
  { jobs, grep }: { readonly jobs: number; readonly grep: RegExp | undefined },
): Promise<Tally> {
  if (files.length === 0) return { passed: 0, failed: 0, failedTests: [] };
  const mocha = new Mocha({
    jobs,
    require: [ROOT_HOOKS],
    reporter: REPORTER,
    reporterOptions: { tally: false },
    timeout: TEST_TIMEOUT_MS,
    ...(grep === undefined ? {} : { grep }),
  });
  // Also with one job, so that a file runs under the same conditions: in a worker that has run other files before.
  mocha.parallelMode(true);
  mocha.files = [...files];
  return new Promise((resolve) => {
    const failedTests: FailedTest[] = [];
    const runner = mocha.run((failures) => {
      resolve({ passed: runner.stats?.passes ?? 0, failed: failures, failedTests });
    });
    runner.on('fail', (test, error: { readonly message?: string } | undefined) => {
      failedTests.push({ title: test.fullTitle(), message: error?.message ?? 'no error was given' });
    });
  });
}
