import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { whenStarted } from '../processes/when-started.js';

const START_DEADLINE_MS = 10_000;

/**
 * Starts Redis or Sentinel, and waits until it is ready.
 *
 * @param ready text of the log line that shows that the server is ready
 */
export async function launchRedis(
  args: readonly string[],
  ready = /ready to accept connections/i,
): Promise<ChildProcess> {
  const server = serverCommand();
  const child = spawn(server.command, [...server.args, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const started = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (lines.length < 100) lines.push(line);
      if (ready.test(line)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Redis did not start:\n${lines.join('\n')}`)));
  });
  await whenStarted(child, START_DEADLINE_MS, started, lines);
  return child;
}

/** Command that starts a Redis server, without the options of the server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Command that `scripts/ensure-redis.mjs` found. */
export function serverCommand(): ServerCommand {
  const record = new URL('../../../../node_modules/.cache/duskline/redis-server.json', import.meta.url);
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as ServerCommand;
  } catch (cause) {
    throw new Error('No Redis server was found. Run `node scripts/ensure-redis.mjs` first.', { cause });
  }
}

/** Whether servers run in containers. Those are not child processes, and get no signal but SIGTERM. */
export function inContainers(): boolean {
  return serverCommand().command === 'docker';
}
