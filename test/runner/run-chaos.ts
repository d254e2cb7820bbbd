/**
 * The command behind `npm run test:chaos`: runs all scenarios of `test/chaos`, or those that match a name, once or several
 * times in a row. Each run has its own processes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CHAOS_USAGE, readChaosOptions, type ChaosOptions } from './chaos-options.js';

const MOCHA = fileURLToPath(new URL('../../../node_modules/mocha/bin/mocha.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../.mocharc.chaos.json', import.meta.url));

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** The output of the run. */
  readonly report: string;
}

/** @param isLive whether the report is printed while the scenarios run */
async function runOnce({ only }: ChaosOptions, isLive: boolean): Promise<Outcome> {
  const grep = only === undefined ? [] : ['--grep', only.source];
  const child = spawn(process.execPath, [MOCHA, '--config', CONFIG, ...grep], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = (): void => void child.kill('SIGTERM');
  process.once('exit', stop);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (isLive && !TALLY.test(line)) process.stdout.write(`${line}\n`);
  });
  await once(child, 'close');
  process.off('exit', stop);
  const [, passed, failed] = TALLY.exec(lines.at(-1) ?? '') ?? [];
  // Without a tally the run has crashed.
  if (passed === undefined) return { passed: 0, failed: 1, report: lines.join('\n') };
  return { passed: Number(passed), failed: Number(failed), report: lines.join('\n') };
}

const TALLY = /^(\d+) passed, (\d+) failed$/;

async function run(options: ChaosOptions): Promise<boolean> {
  let passed = 0;
  let failed = 0;
  for (let number = 1; number <= options.times; number += 1) {
    const startedAtMs = performance.now();
    const outcome = await runOnce(options, options.times === 1);
    if (outcome.passed + outcome.failed === 0) {
      throw new Error(`No scenario matches --only ${String(options.only)}.`);
    }
    passed += outcome.passed;
    failed += outcome.failed;
    if (options.times === 1) continue;
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    process.stdout.write(`run ${number}: ${outcome.passed} passed, ${outcome.failed} failed, ${seconds} s\n`);
    if (outcome.failed > 0) process.stdout.write(`${outcome.report}\n`);
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0;
}

// `exit` runs the handler that stops the current run.
process.once('SIGTERM', () => process.exit(143));
try {
  const options = readChaosOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(CHAOS_USAGE);
  else if (!(await run(options))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
