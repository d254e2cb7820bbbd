import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProcessResponse, ProcessRequest } from './process-requests.js';

/** A process that takes part in a measurement. */
export interface BenchProcess {
  readonly pid: number;
  /** Lines that the process wrote to standard error. */
  readonly log: readonly string[];
  /** Sends a request over IPC. Rejects with the error of the process, or when it exits before it answers. */
  request<Value>(name: string, about?: unknown): Promise<Value>;
  /** Sends SIGTERM. Resolves when the process has exited. */
  stop(): Promise<void>;
}

/** Options of `startBenchProcess`. */
export interface BenchProcessOptions {
  readonly file: string;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether `runtime-probe.ts` is loaded before the program. */
  readonly probed?: boolean;
}

const PROBE = new URL('./runtime-probe.js', import.meta.url).href;

/** Starts a compiled program with Node. */
export function startBenchProcess(options: BenchProcessOptions): BenchProcess {
  const { file, args = [], nodeArgs = [], env = {}, probed = false } = options;
  const probe = probed ? ['--expose-gc', '--import', PROBE] : [];
  const child = spawn(process.execPath, [...probe, ...nodeArgs, file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const { pid, stderr } = child;
  if (pid === undefined || stderr === null) throw new Error(`The process ${file} did not start.`);
  const log: string[] = [];
  createInterface({ input: stderr }).on('line', (line) => {
    if (log.length < 1_000) log.push(line);
  });
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  child.on('message', (answer: ProcessResponse) => {
    const request = open.get(answer.id);
    open.delete(answer.id);
    if ('error' in answer) request?.reject(new Error(answer.error));
    else request?.resolve(answer.value);
  });
  const exited = once(child, 'exit').then(([code]) => {
    const error = new Error(
      `The process ${file} ended with exit code ${String(code)}:\n${log.slice(-20).join('\n')}`,
    );
    for (const { reject } of open.values()) reject(error);
  });
  return {
    pid,
    log,
    request: <Value>(name: string, about?: unknown) =>
      new Promise<Value>((resolve, reject) => {
        lastId += 1;
        open.set(lastId, { resolve: (value) => resolve(value as Value), reject });
        const request: ProcessRequest = { id: lastId, name, about };
        child.send(request, (error) => {
          if (error !== null) reject(error);
        });
      }),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The compiled file of a program in this folder. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

/** Unit of CPU times in `/proc`: `sysconf(_SC_CLK_TCK)` is 100 on Linux, independent of the kernel's timer. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process since its start: all its threads, in user and kernel mode. */
export function cpuSeconds(pid: number): number {
  const [user = NaN, system = NaN] = timesOf(String(pid));
  return (user + system) / TICKS_PER_SECOND;
}

/** CPU time of the whole machine since its start, and of this process with its children that have exited. */
export function machineSeconds(): { readonly all: number; readonly own: number } {
  const own = timesOf('self').reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { all: all / 1_000, own };
}

/** User and system time of a process, and of its children that have exited, in ticks. */
function timesOf(process: string): number[] {
  const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
  // The name in parentheses may contain any character, so the fields are read after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).map(Number);
}

/** Indexes of the cores for the measured server, its Redis and the loader. */
export interface Cores {
  readonly measured: number;
  readonly redis: number;
  readonly loader: number;
}

/** Assigns cores: the measured server has one alone, if there are at least two. */
export function coresOfThisMachine(): Cores {
  const count = availableParallelism();
  return { measured: 0, redis: Math.min(1, count - 1), loader: Math.min(2, count - 1) };
}

/** Pins a process with all its threads to one core. @returns whether that is possible on this machine */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['-a', '-cp', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
