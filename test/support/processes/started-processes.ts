import { AsyncLocalStorage } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { waitUntil } from '../time/eventually.js';
import { isAlive } from './is-alive.js';

/** At whose end a process is killed: its test, its suite (a `describe` of a file), or the test run. */
export type Owner = 'test' | 'suite' | 'run';

/**
 * Running child processes by owner. They are recorded through Node's diagnostics channel, so that no test can forget to
 * register a process, and a failed test leaves no process behind.
 */
const started: Readonly<Record<Owner, Set<ChildProcess>>> = {
  test: new Set(),
  suite: new Set(),
  run: new Set(),
};

const chosenOwner = new AsyncLocalStorage<Owner>();
let defaultOwner: Owner = 'suite';

/** Starts recording. Call it once, before any test starts a process. */
export function recordStartedProcesses(): void {
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess };
    const owned = started[currentOwner()];
    owned.add(child);
    child.once('exit', () => owned.delete(child));
    child.once('error', () => {
      if (child.pid === undefined) owned.delete(child);
    });
  });
}

/** Owner of a process that is started now. */
export function currentOwner(): Owner {
  return chosenOwner.getStore() ?? defaultOwner;
}

/**
 * Processes that `start` starts, also asynchronously, get this owner. Needed where a test starts a process that later tests
 * use. By default the owner is the running test, or the suite in its hooks.
 */
export function startFor<T>(owner: Owner, start: () => T): T {
  return chosenOwner.run(owner, start);
}

/** Sets the default owner of processes. For the root hooks. */
export function setDefaultOwner(owner: Owner): void {
  defaultOwner = owner;
}

/**
 * Kills the processes of this owner and their descendants. Resolves when they have ended; does nothing when none is
 * running.
 */
export async function endStarted(owner: Owner): Promise<void> {
  const left = [...started[owner]].filter(isRunning);
  if (left.length === 0) return;
  const exits = left.map((child) => once(child, 'exit'));
  const below = killTrees(left);
  await Promise.all(exits);
  // The descendants are orphans now, so this process gets no event when they end.
  await waitUntil(() => !below.some(isAlive));
}

/** Kills all recorded processes without waiting. For the exit handler. */
export function killAllStarted(): void {
  killTrees(Object.values(started).flatMap((owned) => [...owned].filter(isRunning)));
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/**
 * Sends SIGKILL to these processes and their descendants. Descendants are listed first, because an orphan has no known parent.
 *
 * @returns the ids of the descendants
 */
function killTrees(roots: readonly ChildProcess[]): number[] {
  if (roots.length === 0) return [];
  const below = [...descendantsOf(new Set(roots.flatMap(({ pid }) => pid ?? [])))];
  for (const child of roots) child.kill('SIGKILL');
  for (const pid of below) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with its parent.
    }
  }
  return below;
}

function descendantsOf(roots: ReadonlySet<number>): Set<number> {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number]);
  const found = new Set<number>();
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of pairs) if (roots.has(parent) || found.has(parent)) found.add(pid);
  }
  return found;
}
