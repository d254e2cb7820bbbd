import type { ChildProcess } from 'node:child_process';
import { within } from '../time/deadline.js';

/**
 * Waits until a process has started, at most this long. Kills the process if it has not.
 *
 * @param started resolves at the sign that the process has started
 * @param log lines of the process so far, for the error message
 */
export async function whenStarted<T>(
  child: ChildProcess,
  deadlineMs: number,
  started: Promise<T>,
  log: readonly string[],
): Promise<T> {
  try {
    return await within(
      deadlineMs,
      () => `${child.spawnargs.join(' ')} has started:\n${log.join('\n')}`,
      started,
    );
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
