import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { parseCount } from '../support/parse-count.js';

export interface RunOptions {
  /** Files and folders; all tests when empty. */
  readonly paths: readonly string[];
  readonly grep: RegExp | undefined;
  /** Number of files that run at the same time. */
  readonly jobs: number;
  /** Seed of a random order of files; `undefined`: the longest file first. */
  readonly shuffleSeed: number | undefined;
  readonly showTimes: boolean;
  readonly help: boolean;
}

export const USAGE = `Runs all tests, or the tests of the given files and folders.

  npm test -- [PATH...] [options]

  PATH              a test file or a folder, such as test/unit/auth or test/store/redis/slots.test.ts
  --grep PATTERN    run only tests whose full name matches this regular expression
  --jobs N          number of files that run at the same time (default: number of processors plus one)
  --shuffle [SEED]  run files in a random order, and print its seed; the same seed gives the same order
  --times           print the files that took longest, with their CPU time
  --help            print this text

A run ends with the tests that failed and the line "N passed, N failed"; the exit code is 1 when a test failed.
Without coverage: npm run test:only -- [PATH...] [options]
`;

/** @throws Error that names the invalid option */
export function readOptions(args: readonly string[]): RunOptions {
  const { values, positionals } = parseArgs({
    args: withSeed(args),
    allowPositionals: true,
    options: {
      grep: { type: 'string', short: 'g' },
      jobs: { type: 'string', short: 'j' },
      shuffle: { type: 'string' },
      times: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    paths: positionals,
    grep: values.grep === undefined ? undefined : new RegExp(values.grep),
    jobs: values.jobs === undefined ? availableParallelism() + 1 : parseCount('--jobs', values.jobs, 1),
    shuffleSeed: values.shuffle === undefined ? undefined : parseCount('--shuffle', values.shuffle, 0),
    showTimes: values.times,
    help: values.help,
  };
}

/** Adds a random seed to `--shuffle` without a number. */
function withSeed(args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const isBare = arg === '--shuffle' && !/^\d+$/.test(args[i + 1] ?? '');
    return isBare ? `--shuffle=${Math.floor(Math.random() * 1_000_000)}` : arg;
  });
}
