import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendFileTime, cpuTimeMs } from '../runner/file-times.js';
import { nameOf } from '../runner/test-files.js';
import { stopSharedResources } from './shared-resource.js';
import {
  endStarted,
  killAllStarted,
  recordStartedProcesses,
  setDefaultOwner,
} from './processes/started-processes.js';
import {
  failOnUnhandledRejections,
  setRunningTest,
  watchUnhandledRejections,
} from './unhandled-rejections.js';

// Each process that runs tests loads this module once.
recordStartedProcesses();
// Before the first file is loaded, because files start work while they are loaded.
watchUnhandledRejections();

// Temporary directories of tests and their processes are in one directory, which is removed at exit.
const directory = mkdtempSync(join(tmpdir(), 'duskline-test-'));
process.env['TMPDIR'] = directory;

process.once('exit', () => {
  killAllStarted();
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});
// Without a handler, a signal ends the process without its exit handlers.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

let startedAtMs = 0;
let cpuBeforeMs = 0;

/** Root hooks of Mocha: they end processes after each test and suite, and fail the run on unhandled rejections. */
export const mochaHooks = {
  beforeAll(this: Mocha.Context): void {
    startedAtMs = performance.now();
    cpuBeforeMs = cpuTimeMs();
    watchUnhandledRejections();
    // Runs after the suite's own hooks, and kills the processes that they left.
    for (const suite of this.test?.parent?.suites ?? []) suite.afterAll(() => endStarted('suite'));
  },
  beforeEach(this: Mocha.Context): void {
    setRunningTest(this.currentTest?.fullTitle() ?? 'no test');
    setDefaultOwner('test');
  },
  async afterEach(): Promise<void> {
    // Root hooks run after those of the suites.
    setDefaultOwner('suite');
    await endStarted('test');
  },
  afterAll(this: Mocha.Context): void {
    const log = process.env['DUSKLINE_TEST_TIMES'];
    const file = this.test?.parent?.suites[0]?.file;
    if (log !== undefined && file !== undefined) {
      const wallMs = Math.round(performance.now() - startedAtMs);
      appendFileTime(log, { file: nameOf(file), wallMs, cpuMs: cpuTimeMs() - cpuBeforeMs });
    }
    failOnUnhandledRejections();
  },
};

/** Mocha calls this at the end of a run in one process. Workers stop shared resources when they exit. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopSharedResources();
}
