import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createChildFaults, type ChildFaults } from './child-faults.js';
import { whenStarted } from './when-started.js';
import { TEST_ENV } from '../fleet/test-broker.js';

/** Compiled entry point: starts slowly, and is included in the coverage. */
export const COMPILED_COMMAND = fileURLToPath(
  new URL('../../../../server/dist/cli/main.js', import.meta.url),
);

/** Entry point that npm links. It runs the bundle, which starts in a third of the time. Start it with `BUNDLE_ENV`. */
export const BUNDLED_COMMAND = fileURLToPath(new URL('../../../../server/bin/duskline.js', import.meta.url));

/** Turns coverage off, because lines of the bundle cannot be mapped to sources. */
export const BUNDLE_ENV = { NODE_V8_COVERAGE: '' };

/** Long, because many processes may share a processor. Alone a broker starts in less than a second. */
const START_DEADLINE_MS = 20_000;

/** A broker in a process of its own. */
export interface BrokerProcess extends ChildFaults {
  readonly url: string;
  readonly process: ChildProcess;
  /** Lines logged so far. */
  readonly log: readonly string[];
  /** Resolves with its exit code, or `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/**
 * Starts `duskline serve` and waits until it listens. It uses a free port unless `args` has `--port`, as a restarted broker
 * needs.
 *
 * @param command entry point; the bundle of this repository by default
 */
export async function startBrokerProcess(
  args: readonly string[],
  { command = BUNDLED_COMMAND, env = {} }: { command?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<BrokerProcess> {
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', ...args], {
    env: { ...process.env, ...TEST_ENV, ...BUNDLE_ENV, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const listening = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      const url = /"url":"([^"]+)","msg":"broker is listening"/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    void exited.then((code) => {
      reject(new Error(`The broker ended with ${String(code)}:\n${log.join('\n')}`));
    });
  });
  const url = await whenStarted(child, START_DEADLINE_MS, listening, log);
  return {
    url,
    process: child,
    log,
    exited,
    ...createChildFaults(child, exited),
  };
}

/** Exit code and output of a command. The code is `null` when a signal ended it. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `duskline` to its end. */
export async function runDuskline(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  command: string = COMPILED_COMMAND,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString('utf8')));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
