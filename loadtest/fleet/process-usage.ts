import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** CPU time that a process used since its start, and its resident memory now. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Unit of CPU times in `/proc`: `sysconf(_SC_CLK_TCK)` is 100 on Linux, independent of the kernel's timer. */
const MS_PER_CLOCK_TICK = 10;
const PAGE_BYTES = 4_096;

/** @returns `undefined` when the process does not exist */
export async function readProcessUsage(pid: number): Promise<ProcessUsage | undefined> {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

async function fromProc(pid: number): Promise<ProcessUsage | undefined> {
  try {
    return parseProcStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** See `proc(5)`: after the name in parentheses, fields 12 and 13 are user and system time, field 22 is resident pages. */
export function parseProcStat(text: string): ProcessUsage {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system, pages] = [11, 12, 21].map((index) => Number(fields[index]));
  return {
    cpuMs: ((user ?? 0) + (system ?? 0)) * MS_PER_CLOCK_TICK,
    memoryBytes: (pages ?? 0) * PAGE_BYTES,
  };
}

async function fromPs(pid: number): Promise<ProcessUsage | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
    return parsePs(stdout);
  } catch {
    return undefined;
  }
}

/** Parses resident kibibytes and CPU time: `  81234   0:12.34`, or `  81234 1-02:03:04`. */
export function parsePs(text: string): ProcessUsage | undefined {
  const [kibibytes, time] = text.trim().split(/\s+/);
  if (kibibytes === undefined || time === undefined) return undefined;
  const [days, rest] = time.includes('-') ? time.split('-', 2) : ['0', time];
  const seconds = (rest ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: (Number(days) * 86_400 + seconds) * 1_000, memoryBytes: Number(kibibytes) * 1_024 };
}
