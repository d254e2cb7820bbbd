import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { parse } from 'yaml';
import { BUNDLED_COMMAND, BUNDLE_ENV } from './broker-process.js';
import { freePort } from '@duskline/loadtest/fleet/free-port.js';
import { serverCommand } from '../redis/redis-process.js';

/** Root of the repository. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

interface ComposeService {
  readonly build?: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
}

/** The parts of `docker-compose.yml` that `LocalCompose` uses. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

/** Reads docker-compose.yml as Compose does: anchors merged, `${NAME:-default}` filled in with the default. */
export async function readCompose(): Promise<ComposeFile> {
  const text = await readFile(`${ROOT}docker-compose.yml`, 'utf8');
  const filled = text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  return parse(filled, { merge: true }) as ComposeFile;
}

/** Runs the services of docker-compose.yml as local processes, with host names and ports mapped to 127.0.0.1. */
export class LocalCompose {
  readonly #file: ComposeFile;
  readonly #directory: string;
  readonly #ports = new Map<string, string>();
  readonly #running = new Map<string, { readonly child: ChildProcess; output: string }>();

  private constructor(file: ComposeFile, directory: string) {
    this.#file = file;
    this.#directory = directory;
  }

  /** @param directory working directory of Redis */
  static async create(file: ComposeFile, directory: string): Promise<LocalCompose> {
    const compose = new LocalCompose(file, directory);
    for (const [name, { command }] of Object.entries(file.services)) {
      for (const flag of ['--port', '--stream-port']) {
        const port = command[command.indexOf(flag) + 1];
        if (command.includes(flag) && port !== undefined) {
          compose.#ports.set(`${name}:${port}`, String(await freePort()));
        }
      }
    }
    return compose;
  }

  /** Services in start order: each after its dependencies. */
  get order(): string[] {
    const order: string[] = [];
    const visit = (name: string): void => {
      for (const dependency of Object.keys(this.#file.services[name]?.depends_on ?? {})) visit(dependency);
      if (!order.includes(name)) order.push(name);
    };
    for (const name of Object.keys(this.#file.services)) visit(name);
    return order;
  }

  /** Starts a service, without waiting for it. */
  start(name: string): void {
    const service = this.#service(name);
    const args = service.command.map((arg, i) => this.#mapped(name, arg, service.command[i - 1]));
    const redis = service.build === undefined ? serverCommand() : undefined;
    const child = spawn(
      redis?.command ?? process.execPath,
      redis === undefined ? [BUNDLED_COMMAND, ...args] : [...redis.args, ...args.slice(1)],
      {
        cwd: redis === undefined ? ROOT : this.#directory,
        env: { ...process.env, ...service.environment, ...BUNDLE_ENV },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const entry = { child, output: '' };
    const collect = (data: Buffer): void => void (entry.output += data.toString('utf8'));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    this.#running.set(name, entry);
  }

  /** Runs the health check of the service once. A service without a health check is healthy while it runs. */
  async isHealthy(name: string): Promise<boolean> {
    const entry = this.#running.get(name);
    if (entry?.child.exitCode !== null) return false;
    const test = this.#service(name).healthcheck?.test;
    if (test === undefined) return true;
    const [, command = '', ...args] = test;
    const own = args.map((arg, i) =>
      this.#mapped(name, arg.replace('127.0.0.1', name), args[i - 1] === '-p' ? '--port' : undefined),
    );
    // redis-cli may be missing, for instance when the Redis server runs in a container.
    if (command === 'redis-cli') return answersPing(Number(own[own.indexOf('-p') + 1]));
    const check = spawn(command === 'node' ? process.execPath : command, own, { stdio: 'ignore' });
    const [code] = (await once(check, 'exit')) as [number | null];
    return code === 0;
  }

  /** What the service printed so far. */
  output(name: string): string {
    return this.#running.get(name)?.output ?? '';
  }

  /** Resolves with the exit code of the service when it has ended. */
  async exitCode(name: string): Promise<number | null> {
    const child = this.#running.get(name)?.child;
    if (child === undefined) throw new Error(`The service ${name} was not started.`);
    if (child.exitCode !== null) return child.exitCode;
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  /** Stops all services in reverse start order. */
  async stop(): Promise<void> {
    for (const { child } of [...this.#running.values()].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }

  #service(name: string): ComposeService {
    const service = this.#file.services[name];
    if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}.`);
    return service;
  }

  /** Maps addresses such as `redis:6379` to 127.0.0.1, and the service's own ports to free ports. */
  #mapped(name: string, arg: string, before: string | undefined): string {
    if (before === '--port' || before === '--stream-port') return this.#ports.get(`${name}:${arg}`) ?? arg;
    if (before === '--stream-name' || arg === '0.0.0.0') return '127.0.0.1';
    let mapped = arg;
    for (const [address, port] of this.#ports) mapped = mapped.replaceAll(address, `127.0.0.1:${port}`);
    return mapped;
  }
}

async function answersPing(port: number): Promise<boolean> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null, lazyConnect: true });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
