/** The command behind `npm test`: runs test files in parallel, then one by one those that need the whole machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readFileTimes, readTimeLog, writeFileTimes, type FileTime } from './file-times.js';
import { readOptions, USAGE, type RunOptions } from './options.js';
import { longestFirst, shuffled } from './order.js';
import { runFiles, type FailedTest } from './run-files.js';
import { SERIAL_FILES } from './serial-files.js';
import { findTestFiles, nameOf } from './test-files.js';

const SHOWN_TIMES = 40;

/** Characters of an error's message. */
const MAX_SHOWN_MESSAGE = 2_000;

/** Whether a test of the runner started this run: its times are not recorded. */
const isNested = process.env['DUSKLINE_TEST_TIMES'] !== undefined;

async function run(options: RunOptions): Promise<boolean> {
  const found = findTestFiles(options.paths);
  const files =
    options.shuffleSeed === undefined
      ? longestFirst(found, readFileTimes())
      : shuffled(found, options.shuffleSeed);
  if (options.shuffleSeed !== undefined)
    process.stdout.write(`order of files: --shuffle ${options.shuffleSeed}\n`);

  const timeLog = openTimeLog();
  const parallel = await runFiles(
    files.filter((file) => !SERIAL_FILES.has(nameOf(file))),
    options,
  );
  const serial = await runFiles(
    files.filter((file) => SERIAL_FILES.has(nameOf(file))),
    { ...options, jobs: 1 },
  );

  const times = readTimeLog(timeLog);
  if (options.grep === undefined && !isNested) writeFileTimes(times);
  if (options.showTimes) showTimes(times);
  const passed = parallel.passed + serial.passed;
  const failed = parallel.failed + serial.failed;
  showFailedTests([...parallel.failedTests, ...serial.failedTests]);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0;
}

/** Creates the log to which worker processes append the time of each file. @returns its path */
function openTimeLog(): string {
  const directory = mkdtempSync(join(tmpdir(), 'duskline-run-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  process.once('SIGTERM', () => {
    process.stderr.write('The test run was stopped by SIGTERM.\n');
    process.exit(143);
  });
  // Mocha handles the first SIGINT: it ends its workers, then sends SIGINT to this process again.
  process.once('SIGINT', () => process.once('SIGINT', () => process.exit(130)));
  const log = join(directory, 'times');
  process.env['DUSKLINE_TEST_TIMES'] = log;
  return log;
}

/** Repeats what failed at the end of the report, because only the end of a long log is read, or kept. */
function showFailedTests(failedTests: readonly FailedTest[]): void {
  for (const { title, message } of failedTests) {
    const lines = message.slice(0, MAX_SHOWN_MESSAGE).trimEnd().split('\n');
    process.stdout.write(`failed: ${title}\n${lines.map((line) => `failed:   ${line}\n`).join('')}`);
  }
}

function showTimes(times: readonly FileTime[]): void {
  const sum = (of: (time: FileTime) => number): string =>
    (times.reduce((total, time) => total + of(time), 0) / 1_000).toFixed(1);
  const line = ({ file, wallMs, cpuMs }: FileTime): string =>
    `${(wallMs / 1_000).toFixed(1).padStart(7)} s ${(cpuMs / 1_000).toFixed(1).padStart(7)} s CPU  ${file}\n`;
  const longest = [...times].sort((a, b) => b.wallMs - a.wallMs).slice(0, SHOWN_TIMES);
  process.stdout.write(longest.map(line).join(''));
  process.stdout.write(
    `${sum(({ wallMs }) => wallMs)} s, ${sum(({ cpuMs }) => cpuMs)} s CPU in ${times.length} files\n`,
  );
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(USAGE);
  else if (!(await run(options))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
