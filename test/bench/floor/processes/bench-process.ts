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
  /** What it wrote to stderr, one line each. */
  readonly log: readonly string[];
  /** Asks it over IPC. Rejects with its error, or when it ends before it answers. */
  ask<Value>(name: string, about?: unknown): Promise<Value>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
}

export interface BenchProcessOptions {
  readonly file: string;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether `probe.ts` is loaded before it. */
  readonly probed?: boolean;
}

const PROBE = new URL('./runtime-probe.js', import.meta.url).href;

export function startBenchProcess(options: BenchProcessOptions): BenchProcess {
  const { file, args = [], nodeArgs = [], env = {}, probed = false } = options;
  const probe = probed ? ['--expose-gc', '--import', PROBE] : [];
  const child = spawn(process.execPath, [...probe, ...nodeArgs, file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const { pid, stderr } = child;
  if (pid === undefined || stderr === null) throw new Error(`${file} did not start`);
  const log: string[] = [];
  createInterface({ input: stderr }).on('line', (line) => {
    if (log.length < 1_000) log.push(line);
  });
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  child.on('message', (answer: ProcessResponse) => {
    const question = open.get(answer.id);
    open.delete(answer.id);
    if ('error' in answer) question?.reject(new Error(answer.error));
    else question?.resolve(answer.value);
  });
  const exited = once(child, 'exit').then(([code]) => {
    const error = new Error(`${file} ended with ${String(code)}:\n${log.slice(-20).join('\n')}`);
    for (const { reject } of open.values()) reject(error);
  });
  return {
    pid,
    log,
    ask: <Value>(name: string, about?: unknown) =>
      new Promise<Value>((resolve, reject) => {
        asked += 1;
        open.set(asked, { resolve: (value) => resolve(value as Value), reject });
        const question: ProcessRequest = { id: asked, name, about };
        child.send(question, (error) => {
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

/** Linux counts the time of processes in hundredths of a second, whatever its own tick. */
const TICKS_PER_SECOND = 100;

/** CPU time that a process has used so far, all of its threads and the kernel's work for it. */
export function cpuSeconds(pid: number): number {
  const [user = NaN, system = NaN] = timesOf(String(pid));
  return (user + system) / TICKS_PER_SECOND;
}

/** CPU time that this whole machine has spent so far, on all cores; and this process with its children that have ended. */
export function machineSeconds(): { readonly all: number; readonly own: number } {
  const own = timesOf('self').reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { all: all / 1_000, own };
}

/** User and system time, and those of children that have ended, in ticks. */
function timesOf(process: string): number[] {
  const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
  // The name in brackets may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).map(Number);
}

/** Cores by what runs there. */
export interface Cores {
  readonly measured: number;
  readonly redis: number;
  readonly loader: number;
}

/** What is measured has a core of its own, where there are two. */
export function coresOfThisMachine(): Cores {
  const count = availableParallelism();
  return { measured: 0, redis: Math.min(1, count - 1), loader: Math.min(2, count - 1) };
}

/** Keeps a process and all its threads on one core. Returns whether this machine can. */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['-a', '-cp', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
