import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { killChildren } from '@duskline/loadtest/fleet/child-process.js';
import { LoadTestFailure } from '@duskline/loadtest/fleet/load-test-failure.js';
import { DRIVERS } from '@duskline/loadtest/plan/driver.js';
import { PROFILES } from '@duskline/loadtest/plan/profile.js';
import { MAX_REGIONS } from '@duskline/loadtest/plan/simulated-regions.js';
import { renderHtml } from '@duskline/loadtest/report/html-report.js';
import { runLoadTest } from '@duskline/loadtest/run/run-load-test.js';
import type { Progress } from '@duskline/loadtest/run/run-options.js';
import { CODECS, DEVICE_KINDS, RESOLUTIONS } from '@duskline/protocol/vocabulary';
import { Option, type Command } from 'commander';
import { CommandFailure } from '../output/command-failure.js';
import { parseRunOptions, type LoadTestCommandOptions } from './parse-run-options.js';
import { renderProgress } from './render-progress.js';
import { renderReport } from './render-report.js';
import { createProgressOutput } from '../output/progress-output.js';
import { waitForSignal } from '../wait-for-signal.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

const EXAMPLES = `
Arrivals follow a schedule that does not wait for the brokers (an open loop), and times are measured from the scheduled
time of an arrival, so that a broker that stalls shows in them. Ctrl-C ends the load early and prints the report.

Faults, at times from the first arrival: kill-host@20s, kill-broker@30s, kill-broker@30s:5s (starts again after 5 s),
pause-broker@30s:1s, pause-redis@40s:5s, drain:eu-west@50s. --seed determines which host or broker is hit.

Assertions compare a figure with a value: match.p99<50, resume.max<=10s, wait.p50<5s, lost==0, violations==0,
unanswered==0, refused.NO_CAPACITY<10, matchedPerSecond>=400, saturationPoint>=1000.

Exit codes: 0 the run passed; 1 the run could not be made; 2 an assertion failed, a fault could not be injected, a broker
crashed, a request was never answered, or the history has violations.

Examples:
  $ duskline loadtest --spawn 1 --driver lean --rate 200 --duration 20s
  $ duskline loadtest --spawn 2 --hosts 40 --clients 500 --rate 50 --fault kill-broker@10s --html report.html
  $ duskline loadtest --spawn 1 --driver lean --profile step --rate 250 --duration 5s
  $ duskline loadtest --spawn 2 --profile storm --clients 2000 --assert 'connect.max<15s' --assert 'lost==0'
  $ duskline loadtest --url ws://127.0.0.1:8080 --title starfall --pool console-x --hosts 20 --clients 200 --rate 20`;

/** The exit code of a run that did not pass. */
const NOT_PASSED = 2;

const PROGRESS_MS = { live: 250, plain: 5_000 };

/** Adds `duskline loadtest`, which loads brokers with simulated hosts and players, measures, and checks the history. */
export function addLoadTestCommand(program: Command): void {
  program
    .command('loadtest')
    .summary('load brokers, measure them, and check their correctness')
    .description(
      'Loads brokers with simulated hosts and players in an open loop, injects faults, measures, and checks what clients and hosts saw for violations.',
    )
    .option('--url <urls...>', 'URLs of running brokers to load')
    .option('--spawn <brokers>', 'number of brokers to start for the run', wholeNumberArgument(1, 16))
    .option('--redis <url>', 'with --spawn: Redis of the brokers (default: the run starts one)')
    .option('--regions <regions>', 'with --spawn: number of regions', wholeNumberArgument(1, MAX_REGIONS), 6)
    .option(
      '--limit <key=value>',
      'with --spawn: a key of the section limits of the brokers; may be repeated',
      collectValues,
    )
    .option('--title <title>', 'with --url: title that players request')
    .option('--pool <pool>', 'with --url: pool of the simulated hosts')
    .option(
      '--token-file <file>',
      'with --url: file with player tokens, one on each line (default: the run signs tokens)',
    )
    .addOption(
      new Option(
        '--driver <driver>',
        'simulate with the SDKs, or with a cheaper implementation of the protocol',
      )
        .choices(DRIVERS)
        .default('sdk'),
    )
    .option('--workers <threads>', 'threads that simulate players and hosts', wholeNumberArgument(1, 32), 1)
    .option(
      '--hosts <hosts>',
      'number of simulated hosts (default: 200; with --url and without --pool: 0)',
      wholeNumberArgument(0, 10_000),
    )
    .option('--slots <slots>', 'slots of each host', wholeNumberArgument(1, 512), 20)
    .option(
      '--clients <clients>',
      'number of simulated players; a free player takes the next arrival',
      wholeNumberArgument(1, 100_000),
      5_000,
    )
    .addOption(
      new Option(
        '--profile <profile>',
        'pattern of arrivals: constant rate, a day from midnight to midnight, all at once, doubling until the limit',
      )
        .choices(PROFILES)
        .default('steady'),
    )
    .option(
      '--rate <rate>',
      'arrivals a second; the highest rate of the day; the rate of the first step',
      wholeNumberArgument(1, 100_000),
      500,
    )
    .option('--duration <time>', 'length of the load; with --profile step of each step', '30s')
    .option('--session <time>', 'mean length of sessions (default: so that the fleet fills to 70 %)')
    .option(
      '--connect-rate <rate>',
      'new connections a second before the load (default: 100 for each broker)',
      wholeNumberArgument(1, 10_000),
    )
    .option('--fault <fault>', 'fault to inject, and its time; may be repeated', collectValues)
    .option(
      '--seed <seed>',
      'seed of arrival times, session lengths and targets of faults',
      wholeNumberArgument(0, 2 ** 31 - 1),
      1,
    )
    .option(
      '--saturation-p99 <time>',
      'with --profile step: a step holds while p99 of the time to match is at most this',
      '250ms',
    )
    .option(
      '--movable <percent>',
      'percentage of players that follow their session when it moves to another host',
      wholeNumberArgument(0, 100),
      100,
    )
    .addOption(new Option('--device <kind>', 'device of the players').choices(DEVICE_KINDS).default('tv'))
    .addOption(
      new Option('--codecs <codecs...>', 'codecs that the device decodes')
        .choices(CODECS)
        .default(['hevc', 'h264']),
    )
    .addOption(
      new Option('--resolution <size>', 'highest resolution of the device')
        .choices(RESOLUTIONS)
        .default('1080p'),
    )
    .option(
      '--assert <assertion>',
      'condition on a figure that the run must meet; may be repeated',
      collectValues,
    )
    .option('--json <file>', 'write the report to this file as JSON')
    .option('--html <file>', 'write the report to this file as a page with charts')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(options: LoadTestCommandOptions, command: Command): Promise<void> {
  const given = command.options.filter((option) => {
    return command.getOptionValueSource(option.attributeName()) === 'cli';
  });
  const runOptions = parseRunOptions(options, process.env, new Set(given.map((option) => option.name())));
  for (const file of [options.json, options.html]) if (file !== undefined) await checkWritable(file);
  const stop = new AbortController();
  void waitForSignal()
    .then(() => {
      stop.abort();
      return waitForSignal();
    })
    .then(killChildrenAndExit);
  process.once('SIGHUP', killChildrenAndExit);
  const report = await withProgress((onProgress) =>
    runLoadTest({ ...runOptions, onProgress, signal: stop.signal }),
  );
  process.stdout.write(renderReport(report));
  if (options.json !== undefined) await save(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.html !== undefined) await save(options.html, renderHtml(report));
  if (!report.passed) process.exitCode = NOT_PASSED;
}

/** Ends this process with the signal, after killing the processes that the run started. */
function killChildrenAndExit(signal: NodeJS.Signals): void {
  killChildren();
  process.kill(process.pid, signal);
}

/** Shows progress on standard error, because standard output is for the report. */
async function withProgress<T>(work: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<T> {
  const output = createProgressOutput(process.stderr);
  const intervalMs = process.stderr.isTTY ? PROGRESS_MS.live : PROGRESS_MS.plain;
  let shownAtMs = -Infinity;
  let stage = '';
  try {
    return await work((progress) => {
      const nowMs = performance.now();
      if (progress.stage === stage && nowMs - shownAtMs < intervalMs) return;
      stage = progress.stage;
      shownAtMs = nowMs;
      output.show(renderProgress(progress));
    });
  } catch (error) {
    if (error instanceof LoadTestFailure) throw new CommandFailure(error.message);
    throw error;
  } finally {
    output.end();
  }
}

/** Checks a file before the run, which may take long. */
async function checkWritable(file: string): Promise<void> {
  const fail = (error: unknown): never => {
    throw new CommandFailure(`${file} cannot be written: ${error instanceof Error ? error.message : ''}`);
  };
  const known = await stat(file).catch(() => undefined);
  if (known?.isDirectory() === true) fail(new Error('it is a directory'));
  await access(known === undefined ? dirname(file) : file, constants.W_OK).catch(fail);
}

async function save(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${error instanceof Error ? error.message : ''}`);
  }
}

/** A commander parser for an option that may be repeated. */
function collectValues(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
