import { createSeededRandom, deriveSeed } from '@duskline/host/simulated';
import { monotonicMs } from '../drive/clock.js';
import type { WorkerPlan } from '../drive/worker-messages.js';
import type { WorkerPool } from '../drive/workers/worker-pool.js';
import type { BrokerFleet } from '../fleet/broker-fleet.js';
import { OperatorClient, OrderRefusedError, type DrainStatus } from '../fleet/operator-client.js';
import type { UntimedEvent } from '../history/recorder.js';
import type { PlannedFault } from '../plan/faults.js';
import type { InjectedFault } from '../report/load-report.js';
import type { TokenSigner } from './run-options.js';

export interface FaultContext {
  readonly pool: WorkerPool;
  readonly plans: readonly WorkerPlan[];
  readonly fleet: BrokerFleet | undefined;
  readonly urls: readonly string[];
  readonly tokens: TokenSigner | undefined;
  readonly seed: number;
  readonly record: (seen: UntimedEvent) => void;
  /** Ends the run early: drains that are still running are not waited for. */
  readonly signal?: AbortSignal;
}

/** Time between two requests for the state of a drain. */
const DRAIN_POLL_MS = 250;

/** A drain ends with the first round of the brokers after its deadline. */
const DRAIN_SLACK_MS = 5_000;

/** Injects the planned faults, each at its time. The seed determines which host or broker is hit. */
export class FaultInjector {
  readonly injected: InjectedFault[] = [];
  readonly #context: FaultContext;
  readonly #random: () => number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #underway = new Set<Promise<void>>();
  readonly #killedHosts = new Set<string>();
  readonly #operator: OperatorClient;
  readonly #drained = new Set<string>();
  #startAtMs = 0;

  constructor(context: FaultContext) {
    this.#context = context;
    this.#random = createSeededRandom(deriveSeed(`${context.seed}/faults`));
    const { fleet, urls, tokens } = context;
    const running = (): readonly string[] =>
      fleet?.brokers.filter(({ pid }) => pid !== undefined).map(({ url }) => url) ?? urls;
    this.#operator = new OperatorClient(running, () => tokens?.operator() ?? '');
  }

  get killedHosts(): number {
    return this.#killedHosts.size;
  }

  /** @param startAtMs when the first arrival is due */
  start(faults: readonly PlannedFault[], startAtMs: number): void {
    this.#startAtMs = startAtMs;
    for (const fault of faults) {
      const timer = setTimeout(
        () => {
          const done = this.#inject(fault).finally(() => this.#underway.delete(done));
          this.#underway.add(done);
        },
        Math.max(0, startAtMs + fault.atMs - monotonicMs()),
      );
      this.#timers.push(timer);
    }
  }

  /** Cancels faults that are still to come. Resolves when those that last are over. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#underway);
  }

  /** Opens the drained regions again: brokers that go on after the run are left as they were. */
  async undrainRegions(): Promise<void> {
    for (const region of this.#drained) {
      this.#drained.delete(region);
      await this.#operator.undrainRegion(region);
    }
  }

  async #inject(fault: PlannedFault): Promise<void> {
    const entry: Entry = {
      text: fault.text,
      atMs: Math.round(monotonicMs() - this.#startAtMs),
      target: '',
    };
    this.injected.push(entry);
    try {
      const lasted = await this.#carryOut(fault, entry);
      if (lasted) entry.untilMs = Math.round(monotonicMs() - this.#startAtMs);
    } catch (error) {
      entry.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** @returns whether the fault lasted for a time that is over now */
  async #carryOut(fault: PlannedFault, entry: Entry): Promise<boolean> {
    const { pool, fleet, record } = this.#context;
    const recordTarget = (target: string): void => void (entry.target = target);
    switch (fault.kind) {
      case 'kill-host': {
        const host = this.#drawHost(fault.region);
        recordTarget(host);
        this.#killedHosts.add(host);
        record({ type: 'fault', fault: 'host-killed', target: host, lasts: false });
        pool.broadcast({ type: 'kill-host', host });
        return false;
      }
      case 'kill-broker': {
        const broker = this.#drawBroker();
        recordTarget(broker);
        record({ type: 'fault', fault: 'broker-killed', target: broker, lasts: false });
        await fleet?.killBroker(broker);
        if (fault.backAfterMs === undefined) return false;
        await new Promise((resolve) => setTimeout(resolve, fault.backAfterMs));
        await fleet?.restartBroker(broker);
        return true;
      }
      case 'pause-broker': {
        const broker = this.#drawBroker();
        recordTarget(broker);
        record({ type: 'fault', fault: 'frozen', target: broker, lasts: true });
        await fleet?.pauseBroker(broker, fault.lastsMs);
        record({ type: 'healed', target: broker });
        return true;
      }
      case 'pause-redis':
        recordTarget('redis');
        record({ type: 'fault', fault: 'redis-stopped', target: 'redis', lasts: true });
        await fleet?.redis.pause(fault.lastsMs);
        record({ type: 'healed', target: 'redis' });
        return true;
      case 'drain': {
        recordTarget(fault.region);
        const drain = await this.#operator.startDrain(fault.region, fault.deadlineMs);
        this.#drained.add(fault.region);
        const seen = await this.#waitForDrain(drain, fault.deadlineMs);
        entry.outcome = describe(seen);
        return seen.state !== 'running';
      }
    }
  }

  /** @returns the drain when it is over, or its last known state at its deadline or the end of the run */
  async #waitForDrain(drain: DrainStatus, deadlineMs: number): Promise<DrainStatus> {
    const untilMs = monotonicMs() + deadlineMs + DRAIN_SLACK_MS;
    let seen = drain;
    while (seen.state === 'running' && monotonicMs() < untilMs && this.#context.signal?.aborted !== true) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      try {
        seen = (await this.#operator.findDrain(drain.drainId)) ?? seen;
      } catch (error) {
        // Another fault may stop the brokers or their store for a while: the next request may succeed.
        if (error instanceof OrderRefusedError) throw error;
      }
    }
    return seen;
  }

  #drawHost(region: string | undefined): string {
    const alive = this.#context.plans
      .flatMap(({ hosts }) => hosts)
      .filter((host) => (region === undefined || host.region === region) && !this.#killedHosts.has(host.name))
      .map(({ name }) => name)
      .sort();
    return this.#drawFrom(alive, 'no running host of the run is left to kill');
  }

  #drawBroker(): string {
    const running = this.#context.fleet?.brokers.filter(({ pid }) => pid !== undefined) ?? [];
    return this.#drawFrom(
      running.map(({ name }) => name),
      'no running broker is left',
    );
  }

  #drawFrom(list: readonly string[], otherwise: string): string {
    const drawn = list[Math.floor(this.#random() * list.length)];
    if (drawn === undefined) throw new RangeError(otherwise);
    return drawn;
  }
}

type Entry = { -readonly [K in keyof InjectedFault]: InjectedFault[K] };

/** The number of sessions by outcome. */
function describe({ state, progress }: DrainStatus): string {
  const counts = Object.entries(progress).filter(([, count]) => count > 0);
  const ways = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  return `${state === 'running' ? 'not finished: ' : ''}${ways === '' ? 'no sessions' : ways}`;
}
