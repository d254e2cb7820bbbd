import { AsyncLocalStorage } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { waitUntil } from '../eventually.js';
import { isAlive } from './is-alive.js';

/** Until when a process may run: the end of its test, of its suite (a `describe` of a file), or of the test process. */
export type Owner = 'test' | 'suite' | 'run';

/**
 * Every process that this process starts, whoever starts it: Node announces each one. So a test cannot forget to
 * register a process, and a test that fails half-way leaves none behind.
 */
const started: Readonly<Record<Owner, Set<ChildProcess>>> = {
  test: new Set(),
  suite: new Set(),
  run: new Set(),
};

const chosenOwner = new AsyncLocalStorage<Owner>();
let usualOwner: Owner = 'suite';

/** Starts to record. Call it once, before any test starts a process. */
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

/** To whom a process belongs that is started now. */
export function currentOwner(): Owner {
  return chosenOwner.getStore() ?? usualOwner;
}

/**
 * What `start` starts, at once or later, belongs to that owner. Needed where a test starts what later tests use too;
 * else a process belongs to the test in which it is started, or to the suite when its `before` starts it.
 */
export function startFor<T>(owner: Owner, start: () => T): T {
  return chosenOwner.run(owner, start);
}

/** From now on processes belong to a test, or to the hooks of its suite. For the root hooks. */
export function setUsualOwner(owner: Owner): void {
  usualOwner = owner;
}

/**
 * Ends what that owner started, and everything that those processes started. Does nothing when all of it has ended.
 * Resolves when the processes are gone.
 */
export async function endStarted(owner: Owner): Promise<void> {
  const left = [...started[owner]].filter(isRunning);
  if (left.length === 0) return;
  const exits = left.map((child) => once(child, 'exit'));
  const below = killTrees(left);
  await Promise.all(exits);
  // They are nobody's children any more, so nothing announces their end.
  await waitUntil(() => !below.some(isAlive));
}

/** Ends everything at once, without waiting: for the last moment of a process. */
export function killAllStarted(): void {
  killTrees(Object.values(started).flatMap((owned) => [...owned].filter(isRunning)));
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/**
 * SIGKILL for these processes and all below them. Those below are looked up first: an orphan has no known parent.
 *
 * @returns the ids of those below
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
