import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The duration of the latest run of a test file. */
export interface FileTime {
  readonly file: string;
  readonly wallMs: number;
  /** CPU time of the test process and of its child processes that have exited. 0 on systems without `/proc`. */
  readonly cpuMs: number;
}

const RECORD = fileURLToPath(
  new URL('../../../node_modules/.cache/duskline/test-times.json', import.meta.url),
);

/** Times of earlier runs, by file name. */
export function readFileTimes(): Map<string, FileTime> {
  if (!existsSync(RECORD)) return new Map();
  const times = JSON.parse(readFileSync(RECORD, 'utf8')) as FileTime[];
  return new Map(times.map((time) => [time.file, time]));
}

/** Merges times into those of earlier runs. */
export function writeFileTimes(measured: readonly FileTime[]): void {
  const times = readFileTimes();
  for (const time of measured) times.set(time.file, time);
  mkdirSync(dirname(RECORD), { recursive: true });
  writeFileSync(RECORD, JSON.stringify([...times.values()], undefined, 1));
}

/** Called by a worker process: appends a time to the log that the main process reads. */
export function appendFileTime(log: string, time: FileTime): void {
  appendFileSync(log, `${JSON.stringify(time)}\n`);
}

export function readTimeLog(log: string): FileTime[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as FileTime);
}

/** CPU time of this process and of its children that have exited, in milliseconds; 0 on systems without `/proc`. */
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
