import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BUNDLED_COMMAND, BUNDLE_ENV } from './broker-process.js';
import { createChildFaults, type ChildFaults } from './child-faults.js';
import { whenStarted } from './when-started.js';
import { testToken } from '../fleet/test-broker.js';

const START_DEADLINE_MS = 10_000;

/** Options of `startHostProcess`. */
export interface HostProcessOptions {
  /** The brokers, tried in turn. */
  readonly urls: readonly string[];
  /** With `count` above 1, the ids are `<hostId>-1`, `<hostId>-2` and so on. */
  readonly hostId: string;
  /** Default `near`. */
  readonly region?: string;
  /** Default `console-x`. */
  readonly pool?: string;
  /** Default 4. */
  readonly slots?: number;
  /** Hosts in this process. Default 1. */
  readonly count?: number;
}

/** Simulated hosts in a process of their own. */
export interface HostProcess extends ChildFaults {
  readonly process: ChildProcess;
  readonly hostIds: readonly string[];
  /** Lines printed so far. */
  readonly log: readonly string[];
  readonly exited: Promise<number | null>;
  /** Sends SIGTERM: the hosts send `leave` first. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `duskline host` and waits until all its hosts are registered. */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const { urls, hostId, region = 'near', pool = 'console-x', slots = 4, count = 1 } = options;
  const hostIds = count === 1 ? [hostId] : Array.from({ length: count }, (_, i) => `${hostId}-${i + 1}`);
  const where = ['--region', region, '--pool', pool, '--id', hostId];
  const size = ['--slots', String(slots), '--count', String(count)];
  const child = spawn(process.execPath, [BUNDLED_COMMAND, 'host', '--url', ...urls, ...where, ...size], {
    env: { ...process.env, ...BUNDLE_ENV, DUSKLINE_TOKEN: testToken({ kind: 'host', region, pool }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const registered = new Promise<void>((resolve, reject) => {
    const missing = new Set(hostIds.map((id) => `${region}/${pool}/${id} registered`));
    const handleLine = (line: string): void => {
      log.push(line);
      missing.delete(line);
      if (missing.size === 0) resolve();
    };
    createInterface({ input: child.stdout }).on('line', handleLine);
    createInterface({ input: child.stderr }).on('line', handleLine);
    void exited.then((code) => {
      reject(new Error(`The hosts ended with ${String(code)}:\n${log.join('\n')}`));
    });
  });
  await whenStarted(child, START_DEADLINE_MS, registered, log);
  return {
    process: child,
    hostIds,
    log,
    exited,
    ...createChildFaults(child, exited),
  };
}
