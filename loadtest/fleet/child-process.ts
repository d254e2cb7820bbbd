import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LoadTestFailure } from './load-test-failure.js';

const START_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 8_000;
const KEPT_LINES = 50;

/** A process that the run started. */
export interface ChildProcessHandle {
  readonly pid: number;
  readonly exited: Promise<void>;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGKILL. Resolves when the process has exited. */
  kill(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL when the process does not exit in time. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The stream to which the process writes its log. */
  readonly log: 'stdout' | 'stderr';
  /** Matches the line of the log that reports that the process is ready. */
  readonly readyPattern: RegExp;
}

const runningProcesses = new Set<ChildProcess>();

/** Kills every process that a run started, so that none is left when this process exits. */
export function killChildren(): void {
  for (const child of runningProcesses) child.kill('SIGKILL');
}
process.once('exit', killChildren);

/**
 * Starts a process and waits until it is ready.
 *
 * @returns the process, and the match of `readyPattern`
 * @throws LoadTestFailure with the last lines of its log, when it exits or does not get ready in time
 */
export async function startChild(
  options: ChildOptions,
): Promise<{ child: ChildProcessHandle; ready: RegExpExecArray }> {
  const [file = '', ...args] = options.command;
  const process = spawn(file, args, {
    env: options.env,
    // Ctrl-C in a terminal must reach the run only, which stops its processes itself, in order.
    detached: true,
    stdio: [
      'ignore',
      options.log === 'stdout' ? 'pipe' : 'ignore',
      options.log === 'stderr' ? 'pipe' : 'ignore',
    ],
  });
  runningProcesses.add(process);
  const lines: string[] = [];
  const stream = options.log === 'stdout' ? process.stdout : process.stderr;
  const exited = new Promise<void>((resolve) => {
    process.once('exit', () => {
      runningProcesses.delete(process);
      resolve();
    });
    process.once('error', (error) => {
      lines.push(error.message);
      resolve();
    });
  });
  const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new LoadTestFailure([`${options.name} ${why}`, ...lines.slice(-10)].join('\n')));
    const deadline = setTimeout(() => {
      process.kill('SIGKILL');
      fail(`was not ready after ${START_DEADLINE_MS / 1_000} s.`);
    }, START_DEADLINE_MS);
    if (stream !== null) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
        const match = options.readyPattern.exec(line);
        if (match === null) return;
        clearTimeout(deadline);
        resolve(match);
      });
    }
    void exited.then(() => {
      clearTimeout(deadline);
      fail('did not start.');
    });
  });
  return { child: createChild(process, exited), ready };
}

function createChild(process: ChildProcess, exited: Promise<void>): ChildProcessHandle {
  const isRunning = (): boolean => process.exitCode === null && process.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (isRunning()) process.kill(name);
  };
  return {
    pid: process.pid ?? 0,
    exited,
    isRunning,
    signal,
    async kill() {
      signal('SIGKILL');
      await exited;
    },
    async stop() {
      // A paused process does not handle SIGTERM.
      signal('SIGCONT');
      signal('SIGTERM');
      const deadline = setTimeout(() => signal('SIGKILL'), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(deadline);
    },
  };
}
