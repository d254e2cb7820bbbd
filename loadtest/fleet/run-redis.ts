import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startChild } from './child-process.js';
import { LoadTestFailure } from './load-test-failure.js';
import { freePort } from './free-port.js';
import { sendRedisCommand } from './redis-command.js';

/** Where the brokers of a run keep their state. */
export interface RunRedis {
  readonly url: string;
  /** Of one of the run's own. */
  readonly pid?: number;
  /** Answers nothing for so long. Resolves when that is over. */
  pause(lastsMs: number): Promise<void>;
  stop(): Promise<void>;
}

const SERVERS = ['redis-server', 'valkey-server'];

const PORT_ATTEMPTS = 5;

/** Somebody else's Redis: left running. Its commands wait while it is paused, as when it hangs. */
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
 * A Redis of the run's own, on this machine's address and in memory only.
 *
 * @throws LoadTestFailure that says what to do when there is none to start
 */
export async function startRedis(directory: string, env: NodeJS.ProcessEnv = process.env): Promise<RunRedis> {
  const server = findServer(env);
  if (server === undefined) {
    throw new LoadTestFailure(
      `Brokers share their state in Redis, and neither ${SERVERS.join(' nor ')} is in PATH. Install one (apt-get install redis-server), or name one that runs: --redis redis://127.0.0.1:6379/9.`,
    );
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    const volatile = ['--save', '', '--appendonly', 'no'];
    try {
      const { child } = await startChild({
        name: 'Redis',
        command: [server, ...place, ...volatile],
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
      // Somebody else may have taken the port meanwhile.
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
