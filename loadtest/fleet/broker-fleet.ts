import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, type ChildProcessHandle } from './child-process.js';
import { connectExistingRedis, startRedis, type RunRedis } from './run-redis.js';

export interface BrokerFleetOptions {
  readonly brokers: number;
  /** The command that starts a broker, to which its options are appended: `node duskline.js serve`. */
  readonly command: readonly string[];
  /** The configuration file's text. */
  readonly config: string;
  /** Default: the run starts a Redis of its own. */
  readonly redisUrl?: string;
  /** The secret with which tokens of players, hosts and operators are signed. */
  readonly authSecret: string;
}

/** A broker that the run started; the same one after a restart. */
export interface RunBroker {
  readonly name: string;
  readonly url: string;
  /** Process id; `undefined` while the broker does not run. */
  readonly pid: number | undefined;
}

/** Broker processes that the run starts, on one Redis. */
export class BrokerFleet {
  readonly redis: RunRedis;
  readonly #options: BrokerFleetOptions;
  readonly #directory: string;
  readonly #ticketKey = randomBytes(48).toString('base64');
  /** Processes that the run itself stopped or killed: their exit is no crash. */
  readonly #stoppedByRun = new Set<ChildProcessHandle>();
  readonly #crashed: string[] = [];
  readonly #brokers: { readonly name: string; url: string; child: ChildProcessHandle }[] = [];

  private constructor(options: BrokerFleetOptions, directory: string, redis: RunRedis) {
    this.#options = options;
    this.#directory = directory;
    this.redis = redis;
  }

  static async start(options: BrokerFleetOptions): Promise<BrokerFleet> {
    const directory = await mkdtemp(join(tmpdir(), 'duskline-loadtest-'));
    let redis: RunRedis | undefined;
    let fleet: BrokerFleet | undefined;
    try {
      await writeFile(join(directory, 'duskline.yaml'), options.config);
      redis =
        options.redisUrl === undefined ? await startRedis(directory) : connectExistingRedis(options.redisUrl);
      fleet = new BrokerFleet(options, directory, redis);
      for (let i = 0; i < options.brokers; i += 1) {
        const name = `broker-${i + 1}`;
        fleet.#brokers.push({ name, ...(await fleet.#startBroker(name, 0)) });
      }
      return fleet;
    } catch (error) {
      if (fleet !== undefined) await Promise.all(fleet.#brokers.map(({ child }) => child.kill()));
      await redis?.stop();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get brokers(): readonly RunBroker[] {
    return this.#brokers.map(({ name, url, child }) => {
      return { name, url, pid: child.isRunning() ? child.pid : undefined };
    });
  }

  /** Names of brokers that exited although the run did not stop them. */
  get crashed(): readonly string[] {
    return this.#crashed;
  }

  /** Kills the broker with SIGKILL. */
  async killBroker(name: string): Promise<void> {
    const { child } = this.#findBroker(name);
    this.#stoppedByRun.add(child);
    await child.kill();
  }

  /** Starts a killed broker again, on the same port. */
  async restartBroker(name: string): Promise<void> {
    const broker = this.#findBroker(name);
    broker.child = (await this.#startBroker(name, Number(new URL(broker.url).port))).child;
  }

  /** Stops the broker's process with all its sockets open, and resumes it after `lastsMs`. */
  async pauseBroker(name: string, lastsMs: number): Promise<void> {
    const { child } = this.#findBroker(name);
    child.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, lastsMs));
    child.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    for (const { child } of this.#brokers) this.#stoppedByRun.add(child);
    await Promise.all(this.#brokers.map(({ child }) => child.stop()));
    await this.redis.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #startBroker(name: string, port: number): Promise<{ url: string; child: ChildProcessHandle }> {
    const { command, authSecret } = this.#options;
    const config = join(this.#directory, 'duskline.yaml');
    const where = ['--host', '127.0.0.1', '--port', String(port), '--redis', this.redis.url];
    const { child, ready } = await startChild({
      name: 'A broker',
      command: [...command, '--config', config, ...where, '--log-level', 'info'],
      env: { ...process.env, DUSKLINE_AUTH_SECRET: authSecret, DUSKLINE_TICKET_MASTER_KEY: this.#ticketKey },
      log: 'stderr',
      readyPattern: /"url":"(?<url>[^"]+)","msg":"broker is listening"/,
    });
    void child.exited.then(() => {
      if (!this.#stoppedByRun.has(child)) this.#crashed.push(name);
    });
    return { child, url: ready.groups?.['url'] ?? '' };
  }

  #findBroker(name: string): { readonly url: string; child: ChildProcessHandle } {
    const broker = this.#brokers.find((candidate) => candidate.name === name);
    if (broker === undefined) throw new RangeError(`No broker of the run has the name ${name}.`);
    return broker;
  }
}
