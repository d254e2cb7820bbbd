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
Arrivals follow a schedule, whatever the brokers do, and every time counts from the scheduled moment: a broker
that stalls cannot hide. Ctrl-C ends the load, and reports what there is.

Faults, at times from the first arrival: kill-host@20s, kill-broker@30s (kill-broker@30s:5s comes back after 5 s),
pause-broker@30s:1s, pause-redis@40s:5s, drain:eu-west@50s. Which one is hit follows from --seed.

Assertions compare a figure: match.p99<50, resume.max<=10s, wait.p50<5s, lost==0, violations==0, unanswered==0,
refused.NO_CAPACITY<10, matchedPerSecond>=400, knee>=1000. The exit code is 2 when one fails or the verdict is not
clean, 1 when the run could not be made.

Examples:
  $ duskline loadtest --spawn 1 --driver lean --rate 200 --duration 20s
  $ duskline loadtest --spawn 2 --hosts 40 --clients 500 --rate 50 --fault kill-broker@10s --html report.html
  $ duskline loadtest --spawn 1 --driver lean --profile step --rate 250 --duration 5s
  $ duskline loadtest --spawn 2 --profile storm --clients 2000 --assert 'connect.max<15s' --assert 'lost==0'
  $ duskline loadtest --url ws://127.0.0.1:8080 --title starfall --pool console-x --hosts 20 --clients 200 --rate 20`;

/** The exit code of a run that was made, and did not show what it had to. */
const NOT_PASSED = 2;

const PROGRESS_MS = { live: 250, plain: 5_000 };

/** Adds `duskline loadtest`: hosts and players without number against brokers, measured and checked. */
export function addLoadTestCommand(program: Command): void {
  program
    .command('loadtest')
    .summary('load brokers, measure them, and check what everybody saw')
    .description(
      'Plays hosts and players against brokers, in an open loop, with faults where wanted; measures, and checks the history.',
    )
    .option('--url <urls...>', 'load these brokers')
    .option('--spawn <brokers>', 'start so many brokers for the run', wholeNumberArgument(1, 16))
    .option('--redis <url>', 'with --spawn: their Redis (default: one of its own)')
    .option('--regions <regions>', 'with --spawn: how many regions', wholeNumberArgument(1, MAX_REGIONS), 6)
    .option('--limit <key=value>', 'with --spawn: a key of their limits; may be repeated', gathered)
    .option('--title <title>', 'with --url: what players ask for')
    .option('--pool <pool>', 'with --url: the pool in which hosts stand')
    .option('--token-file <file>', 'with --url: player tokens, one a line (default: signed for the run)')
    .addOption(
      new Option('--driver <driver>', 'play by the SDKs, or by a leaner driver of the protocol')
        .choices(DRIVERS)
        .default('sdk'),
    )
    .option('--workers <threads>', 'threads to play in', wholeNumberArgument(1, 32), 1)
    .option(
      '--hosts <hosts>',
      'hosts to play (default: 200; with --url only with --pool)',
      wholeNumberArgument(0, 10_000),
    )
    .option('--slots <slots>', 'slots of each host', wholeNumberArgument(1, 512), 20)
    .option(
      '--clients <clients>',
      'players who are connected and take the arrivals',
      wholeNumberArgument(1, 100_000),
      5_000,
    )
    .addOption(
      new Option(
        '--profile <profile>',
        'how arrivals spread: evenly, over a day, all at once, doubling until it breaks',
      )
        .choices(PROFILES)
        .default('steady'),
    )
    .option(
      '--rate <rate>',
      'arrivals a second; the highest of the day, the first step',
      wholeNumberArgument(1, 100_000),
      500,
    )
    .option('--duration <time>', 'how long the load lasts; each step of --profile step', '30s')
    .option('--session <time>', 'mean length of sessions (default: as fills the fleet to 70 %)')
    .option(
      '--connect-rate <rate>',
      'connections a second before the load (default: 100 a broker)',
      wholeNumberArgument(1, 10_000),
    )
    .option('--fault <fault>', 'what to break, and when; may be repeated', gathered)
    .option(
      '--seed <seed>',
      'arrivals, lengths and victims follow from it',
      wholeNumberArgument(0, 2 ** 31 - 1),
      1,
    )
    .option('--knee-p99 <time>', 'with --profile step: a step holds up to this p99 of match', '250ms')
    .option(
      '--movable <percent>',
      'so many of 100 players follow when their session moves',
      wholeNumberArgument(0, 100),
      100,
    )
    .addOption(new Option('--device <kind>', 'what players play on').choices(DEVICE_KINDS).default('tv'))
    .addOption(
      new Option('--codecs <codecs...>', 'what it decodes').choices(CODECS).default(['hevc', 'h264']),
    )
    .addOption(new Option('--resolution <size>', 'its largest picture').choices(RESOLUTIONS).default('1080p'))
    .option('--assert <assertion>', 'what has to hold, for the exit code; may be repeated', gathered)
    .option('--json <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as one page with charts')
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
    .then(dieOf);
  process.once('SIGHUP', dieOf);
  const report = await withProgress((onProgress) =>
    runLoadTest({ ...runOptions, onProgress, signal: stop.signal }),
  );
  process.stdout.write(renderReport(report));
  if (options.json !== undefined) await save(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.html !== undefined) await save(options.html, renderHtml(report));
  if (!report.passed) process.exitCode = NOT_PASSED;
}

/** As by default, but not without the processes that the run has started. */
function dieOf(signal: NodeJS.Signals): void {
  killChildren();
  process.kill(process.pid, signal);
}

/** On standard error: the report alone goes to standard output. */
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

/** Before the run, which may take long. */
async function checkWritable(file: string): Promise<void> {
  const trouble = (error: unknown): never => {
    throw new CommandFailure(`${file} cannot be written: ${error instanceof Error ? error.message : ''}`);
  };
  const known = await stat(file).catch(() => undefined);
  if (known?.isDirectory() === true) trouble(new Error('it is a directory'));
  await access(known === undefined ? dirname(file) : file, constants.W_OK).catch(trouble);
}

async function save(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${error instanceof Error ? error.message : ''}`);
  }
}

/** An option that may be given several times. */
function gathered(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
