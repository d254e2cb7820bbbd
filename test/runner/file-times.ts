import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long a test file took last time. */
export interface FileTime {
  readonly file: string;
  readonly wallMs: number;
  /** Of the test process and of processes that it started and that ended meanwhile. 0 where the system does not say. */
  readonly cpuMs: number;
}

const RECORD = fileURLToPath(
  new URL('../../../node_modules/.cache/duskline/test-times.json', import.meta.url),
);

/** Times of earlier runs by file name; empty when there are none. */
export function readFileTimes(): Map<string, FileTime> {
  if (!existsSync(RECORD)) return new Map();
  const times = JSON.parse(readFileSync(RECORD, 'utf8')) as FileTime[];
  return new Map(times.map((time) => [time.file, time]));
}

/** Adds times to those of earlier runs. */
export function writeFileTimes(measured: readonly FileTime[]): void {
  const times = readFileTimes();
  for (const time of measured) times.set(time.file, time);
  mkdirSync(dirname(RECORD), { recursive: true });
  writeFileSync(RECORD, JSON.stringify([...times.values()], undefined, 1));
}

/** For a worker: notes a time for the process that runs it, in a file of lines. */
export function appendFileTime(log: string, time: FileTime): void {
  appendFileSync(log, `${JSON.stringify(time)}\n`);
}

export function readTimeLog(log: string): FileTime[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FileTime);
}

/** CPU time of this process and of its children that ended, from Linux; 0 elsewhere. */
export function cpuTimeMs(): number {
  const HUNDREDTHS_MS = 10;
  try {
    const [, after = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
    // Fields 14 to 17 of proc(5), counted from the third: utime, stime, cutime, cstime.
    const ticks = after.split(' ').slice(11, 15).map(Number);
    return ticks.reduce((sum, tick) => sum + tick, 0) * HUNDREDTHS_MS;
  } catch {
    return 0;
  }
}
