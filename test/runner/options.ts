import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export interface RunOptions {
  /** Files and folders; none means all. */
  readonly paths: readonly string[];
  readonly grep: RegExp | undefined;
  /** Files that run at the same time. */
  readonly jobs: number;
  /** Files run in an order that follows from it; else the longest first. */
  readonly shuffleSeed: number | undefined;
  readonly showTimes: boolean;
  readonly help: boolean;
}

export const USAGE = `Runs tests: all of them, or the named files and folders.

  npm test -- [PATH...] [options]

  PATH              a test file or a folder, such as test/unit/auth or test/store/slots.test.ts
  --grep PATTERN    only tests whose full name matches this regular expression
  --jobs N          files that run at the same time (default: one more than this machine has processors)
  --shuffle [SEED]  runs files in a random order; prints the seed, which gives the same order again
  --times           prints the files that took longest, with their CPU time
  --help            prints this

The last line of a run is "N passed, N failed"; the exit code is 1 when a test failed.
Without coverage: npm run test:only -- [PATH...] [options]
`;

/** @throws Error with what is wrong */
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
    jobs: values.jobs === undefined ? availableParallelism() + 1 : readCount('--jobs', values.jobs, 1),
    shuffleSeed: values.shuffle === undefined ? undefined : readCount('--shuffle', values.shuffle, 0),
    showTimes: values.times,
    help: values.help,
  };
}

/** `--shuffle` without a number gets one. */
function withSeed(args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const isBare = arg === '--shuffle' && !/^\d+$/.test(args[i + 1] ?? '');
    return isBare ? `--shuffle=${Math.floor(Math.random() * 1_000_000)}` : arg;
  });
}

export function readCount(option: string, text: string, min: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < min) {
    throw new Error(`${option} takes a whole number from ${min}, not "${text}".`);
  }
  return count;
}
