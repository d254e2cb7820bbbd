import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { isAlive } from '../support/processes/is-alive.js';
import { waitUntil } from '../support/time/eventually.js';

const RUN_TESTS = fileURLToPath(new URL('../runner/run-tests.js', import.meta.url));
const FIXTURE = fileURLToPath(new URL('../runner/fixtures/leaves-processes.js', import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Ids of the processes that the tests started. */
  pids(): number[];
  readonly exited: Promise<number | null>;
}

function startRun(env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [RUN_TESTS, FIXTURE, '--jobs', '2'], {
    env: { ...process.env, NODE_V8_COVERAGE: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    child,
    lines,
    pids: () => lines.flatMap((line) => /^pid (\d+)$/.exec(line)?.[1] ?? []).map(Number),
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}

describe('A test run whose tests do not end their processes', function () {
  this.timeout(20_000);

  it('ends them after the test or the suite that started them, and the rest at its own end', async () => {
    const { exited, lines, pids } = startRun();
    expect(await exited).to.equal(1);
    expect(pids()).to.have.length(8);
    expect(lines.filter((line) => /^still there|is gone$/.test(line))).to.deep.equal([]);
    expect(lines.slice(-3)).to.deep.equal([
      'failed: a suite has a test that fails',
      'failed:   this test fails on purpose',
      '4 passed, 1 failed',
    ]);
    await waitUntil(() => !pids().some(isAlive));
  });

  it('ends them when the process that runs the tests crashes', async () => {
    const { exited, lines, pids } = startRun({ DUSKLINE_TEST_CRASH: '1' });
    expect(await exited).to.equal(1);
    expect(pids()).to.have.length(8);
    expect(lines.at(-1)).to.match(/^0 passed, \d failed$/);
    await waitUntil(() => !pids().some(isAlive));
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`ends them when it receives ${signal}`, async () => {
      const { child, exited, lines, pids } = startRun({ DUSKLINE_TEST_HANG: '1' });
      await waitUntil(() => lines.includes('hangs'), 10_000);
      expect(pids()).to.have.length(8);
      child.kill(signal);
      await exited;
      await waitUntil(() => !pids().some(isAlive));
    });
  }
});
