import { parseArgs } from 'node:util';
import { parseCount } from '../support/parse-count.js';

export interface ChaosOptions {
  /** Runs only scenarios whose full name matches; `undefined`: all. */
  readonly only: RegExp | undefined;
  /** Number of runs, one after the other. */
  readonly times: number;
  readonly help: boolean;
}

export const CHAOS_USAGE = `Runs the chaos scenarios: faults that take long to happen and to recover from. All of them take about nine minutes.

  npm run test:chaos -- [options]

  --only NAME  only scenarios whose full name matches this regular expression, such as "kill -9 of a broker"
  --times N    run them N times in a row; print a line for each run, and the report of runs that fail (default 1)
  --help       print this text

The last line is "N passed, N failed" over all runs; the exit code is 1 when a scenario failed, 2 when none matches.
`;

/** @throws Error that names the invalid option */
export function readChaosOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      times: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    only: values.only === undefined ? undefined : new RegExp(values.only),
    times: parseCount('--times', values.times, 1),
    help: values.help,
  };
}
