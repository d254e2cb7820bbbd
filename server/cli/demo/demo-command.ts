import type { Command } from 'commander';
import { runDemo } from './run-demo.js';
import { waitForSignal } from '../wait-for-signal.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

interface DemoCommandOptions {
  readonly seconds?: number;
  readonly daySeconds: number;
  readonly startHour: number;
  readonly hosts: number;
  readonly json?: true;
}

const EXAMPLES = `
The demo needs nothing else: it keeps its state in memory, listens on a free port and creates its own keys.

It prints these figures at its end, times in milliseconds:
  queued           players who found no free slot at once and waited in a queue
  refused          players who were refused, or gave up after five seconds in a queue (GAVE_UP)
  overbooked       times when a host had more sessions than slots, as counted by the hosts
  matchMs          time from the request to the match, of players who were not queued
  meanRttMs        mean round-trip time to the region of the match
  meanBestRttMs    mean round-trip time to the nearest region that the player measured
  hottestOverMean  sessions of the hottest host over the mean of its region's pool, averaged over pools and time

Examples:
  $ duskline demo
  $ duskline demo --seconds 20 --json`;

/** Adds `duskline demo`: a whole fleet and its players in one process. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('watch a day of players in two minutes')
    .description(
      'Runs a broker, simulated hosts and players in one process, over real sockets, and shows the slots in use by region.',
    )
    .option(
      '--seconds <seconds>',
      'length of the run in seconds (default: until Ctrl-C)',
      wholeNumberArgument(1, 86_400),
    )
    .option(
      '--day-seconds <seconds>',
      'length of a simulated day in seconds',
      wholeNumberArgument(10, 86_400),
      120,
    )
    .option(
      '--start-hour <hour>',
      'hour of the day, in UTC, at which the run begins',
      wholeNumberArgument(0, 23),
      16,
    )
    .option('--hosts <hosts>', 'number of simulated hosts', wholeNumberArgument(6, 1_000), 60)
    .option('--json', 'print the figures as JSON on the last line')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: DemoCommandOptions): Promise<void> {
  const { seconds, daySeconds, startHour, hosts, json } = options;
  const stop = new AbortController();
  void waitForSignal().then(() => stop.abort());
  const figures = await runDemo({
    ...(seconds === undefined ? {} : { seconds }),
    daySeconds,
    startHour,
    hosts,
    live: process.stdout.isTTY && json !== true,
    write: (line) => void process.stdout.write(line),
    signal: stop.signal,
  });
  const text = json === true ? JSON.stringify(figures) : JSON.stringify(figures, null, 2);
  process.stdout.write(`${text}\n`);
}
