import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startChild } from './child-process.js';
import { LoadTestFailure } from './load-test-failure.js';
import { freePort } from './free-port.js';
import { sendRedisCommand } from './redis-command.js';

/** The Redis in which the brokers of a run keep their state. */
export interface RunRedis {
  readonly url: string;
  /** Process id; absent for a Redis that the run did not start. */
  readonly pid?: number;
  /** Makes Redis answer nothing for `lastsMs`. Resolves when it answers again. */
  pause(lastsMs: number): Promise<void>;
  stop(): Promise<void>;
}

const SERVERS = ['redis-server', 'valkey-server'];

const PORT_ATTEMPTS = 5;

/** Uses a Redis that runs already, and leaves it running. A pause delays all its commands, as if its process hung. */
export function connectExistingRedis(url: string): RunRedis {
  return {
    url,
    async pause(lastsMs) {
      await sendRedisCommand(url, ['CLIENT', 'PAUSE', String(Math.round(lastsMs)), 'ALL']);
      await new Promise((resolve) => setTimeout(resolve, lastsMs));
    },
    stop: () => Promise.resolve(),
  };
}

/**
 * Starts a Redis for the run, on the loopback address and without persistence.
 *
 * @throws LoadTestFailure with instructions when no Redis server is installed
 */
export async function startRedis(directory: string, env: NodeJS.ProcessEnv = process.env): Promise<RunRedis> {
  const server = findServer(env);
  if (server === undefined) {
    throw new LoadTestFailure(
      `The brokers of the run need a Redis, and neither ${SERVERS.join(' nor ')} is in PATH. Install one (apt-get install redis-server), or name one that runs already: --redis redis://127.0.0.1:6379/9.`,
    );
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const listen = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    const inMemory = ['--save', '', '--appendonly', 'no'];
    try {
      const { child } = await startChild({
        name: 'Redis',
        command: [server, ...listen, ...inMemory],
        env,
        log: 'stdout',
        readyPattern: /ready to accept connections/i,
      });
      return {
        url: `redis://127.0.0.1:${port}`,
        pid: child.pid,
        async pause(lastsMs) {
          child.signal('SIGSTOP');
          await new Promise((resolve) => setTimeout(resolve, lastsMs));
          child.signal('SIGCONT');
        },
        stop: () => child.stop(),
      };
    } catch (error) {
      // Another process may have taken the free port meanwhile.
      if (attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

function findServer(env: NodeJS.ProcessEnv): string | undefined {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return SERVERS.flatMap((name) => directories.map((directory) => join(directory, name))).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
