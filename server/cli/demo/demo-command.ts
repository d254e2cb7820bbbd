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
Nothing else is needed: the state is in memory, the port is any free one, the keys are made for this run.

Figures at the end: queued counts the players who found no slot at once and waited; refused those who gave
up after five seconds or were refused; overbooked is counted by the hosts; matchMs is what players waited
from asking to the match, without those who were queued; meanRttMs is to the region they got, meanBestRttMs to the nearest they measured; hottestOverMean
is the hottest host over the mean of its pool, averaged over pools in use and over time.

Examples:
  $ duskline demo
  $ duskline demo --seconds 20 --json`;

/** Adds `duskline demo`: a whole fleet and its players in one process. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('watch a day of players in two minutes')
    .description(
      'Runs a broker, simulated hosts and players in one process, over real sockets, and shows them.',
    )
    .option(
      '--seconds <seconds>',
      'end after so many seconds (default: at Ctrl-C)',
      wholeNumberArgument(1, 86_400),
    )
    .option('--day-seconds <seconds>', 'how long a day takes', wholeNumberArgument(10, 86_400), 120)
    .option('--start-hour <hour>', 'UTC hour at which it begins', wholeNumberArgument(0, 23), 16)
    .option('--hosts <hosts>', 'how many hosts', wholeNumberArgument(6, 1_000), 60)
    .option('--json', 'print the figures as one JSON object in the last line')
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
