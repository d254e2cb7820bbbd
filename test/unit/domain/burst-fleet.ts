import { FULL, expectedSessionLoad } from '@duskline/server/domain/congestion.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { ManualClock } from '../../support/time/manual-clock.js';
import { registration, reservation, sessionIdOf } from '../../support/fleet/fleet-data.js';

const REGION_POOL: RegionPool = { region: 'eu-central', pool: 'pc' };
const CONNECTION = 'broker-a.1';

/** Time in which a new stream reaches its full load. Until then its host measures less load than it will have. */
export const RAMP_MS = 20_000;

/** A simulated host. */
export interface BurstHost {
  readonly hostId: string;
  readonly slots: number;
  /** Time of its reports within the report interval. */
  readonly phaseMs: number;
  /** Load besides the sessions of the test, in millionths. */
  readonly baseLoad: number;
  /** Real load of a session, as a multiple of one slot's share of the host. */
  readonly weight: number;
}

interface Stream {
  readonly hostId: string;
  readonly sinceMs: number;
}

/** Chooses the host of a join; `undefined` when there is none. */
export type Choice = (fleet: BurstFleet) => Promise<string | undefined>;

/** Hosts whose streams ramp up, and a store that gets their load at intervals. */
export class BurstFleet {
  readonly #clock = new ManualClock();
  readonly #startMs = this.#clock.wallMs();
  readonly #store = createMemoryStore({ suspectAfterMs: 60_000, clock: this.#clock });
  readonly #streams: Stream[] = [];
  readonly #reported = new Map<string, number>();
  #sessions = 0;

  private constructor(
    readonly hosts: readonly BurstHost[],
    private readonly reportEveryMs: number,
  ) {}

  static async open(hosts: readonly BurstHost[], reportEveryMs: number): Promise<BurstFleet> {
    const fleet = new BurstFleet(hosts, reportEveryMs);
    for (const { hostId, slots } of hosts) {
      await fleet.#store.registerHost(REGION_POOL, registration(hostId, { slots }));
    }
    await fleet.#report(hosts);
    return fleet;
  }

  get nowMs(): number {
    return this.#clock.wallMs() - this.#startMs;
  }

  /** Load of each host at its last report, in millionths. */
  get reported(): ReadonlyMap<string, number> {
    return this.#reported;
  }

  /** Advances the time. Hosts whose report is due send it. */
  async advanceTo(atMs: number): Promise<void> {
    while (this.nowMs < atMs) {
      const nowMs = this.nowMs;
      const nextOf = ({ phaseMs }: BurstHost): number =>
        phaseMs + Math.ceil((nowMs + 1 - phaseMs) / this.reportEveryMs) * this.reportEveryMs;
      const nextMs = Math.min(atMs, ...this.hosts.map(nextOf));
      const due = this.hosts.filter((host) => nextOf(host) === nextMs);
      this.#clock.advance(nextMs - nowMs);
      await this.#report(due);
    }
  }

  /** A player joins: the host is chosen, and the stream begins to ramp up. */
  async join(choose: Choice): Promise<string | undefined> {
    const hostId = await choose(this);
    if (hostId !== undefined) this.#streams.push({ hostId, sinceMs: this.nowMs });
    return hostId;
  }

  /** Reserves a slot in the store, which chooses the host. */
  async reserve(): Promise<string | undefined> {
    this.#sessions += 1;
    const wanted = reservation(sessionIdOf(this.#sessions));
    const { outcomes } = await this.#store.reserve(REGION_POOL, [wanted], 600_000, 'broker-a');
    const [outcome] = outcomes;
    return outcome?.kind === 'reserved' ? outcome.hostId : undefined;
  }

  sessionsOf(hostId: string): number {
    return this.#streams.filter((stream) => stream.hostId === hostId).length;
  }

  /** The largest share of used slots of a host, divided by the mean of all hosts. */
  get hottestOverMean(): number {
    const shares = this.hosts.map(({ hostId, slots }) => this.sessionsOf(hostId) / slots);
    return Math.max(...shares) / (shares.reduce((sum, share) => sum + share, 0) / shares.length);
  }

  /** Real load of a host now, in millionths. */
  loadOf({ hostId, slots, baseLoad, weight }: BurstHost): number {
    const full = expectedSessionLoad(slots) * weight;
    const ramped = this.#streams
      .filter((stream) => stream.hostId === hostId)
      .map(({ sinceMs }) => full * Math.min(1, (this.nowMs - sinceMs) / RAMP_MS));
    return Math.round(ramped.reduce((sum, load) => sum + load, baseLoad));
  }

  async #report(hosts: readonly BurstHost[]): Promise<void> {
    const beats = hosts.map((host) => {
      const measured = this.loadOf(host);
      this.#reported.set(host.hostId, measured);
      return { hostId: host.hostId, connectionId: CONNECTION, measured, digest: 0 };
    });
    await this.#store.recordHeartbeats(REGION_POOL, beats);
  }
}

/** The choice of the store. */
export const byStore: Choice = (fleet) => fleet.reserve();

/** The choice that failed in another system: the host with the least load in its last report. */
export const byLastReport: Choice = (fleet) => {
  const [idlest] = [...fleet.reported].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  return Promise.resolve(idlest?.[0]);
};

/** Like `byLastReport`, with loads above 1 counted as 1. */
export const bySaturatedReport: Choice = (fleet) => {
  const [idlest] = [...fleet.reported].sort(
    ([a, x], [b, y]) => Math.min(x, FULL) - Math.min(y, FULL) || (a < b ? -1 : 1),
  );
  return Promise.resolve(idlest?.[0]);
};
