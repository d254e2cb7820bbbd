import { readFileSync } from 'node:fs';
import process from 'node:process';

/** Whether a process of that id runs. One that ended and that its parent has not asked for yet does not run. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** As Linux says; elsewhere orphans are taken care of at once. */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
