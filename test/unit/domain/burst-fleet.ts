import { FULL, expectedSessionLoad } from '@duskline/server/domain/congestion.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { createMemoryStore } from '@duskline/server/store/memory/memory-store.js';
import { createManualClock } from '../../support/time/manual-clock.js';
import { registration, reservation, sessionIdOf } from '../../support/fleet/fleet-data.js';

const PLACE: RegionPool = { region: 'eu-central', pool: 'pc' };
const CONNECTION = 'broker-a.1';

/** A stream takes this long to reach its load; until then its host looks less busy than it will be. */
export const RAMP_MS = 20_000;

/** A simulated host. */
export interface BurstHost {
  readonly hostId: string;
  readonly slots: number;
  /** When it reports, within the report interval. */
  readonly phaseMs: number;
  /** Load that is there before the burst and is no session of ours, in millionths. */
  readonly baseLoad: number;
  /** How much of the host one session really takes, against one slot's share of it. */
  readonly weight: number;
}

interface Stream {
  readonly hostId: string;
  readonly sinceMs: number;
}

/** How the host of one join is chosen; `undefined` when there is none. */
export type Choice = (fleet: BurstFleet) => Promise<string | undefined>;

/** Hosts with streams that ramp up, and a store that hears of their load only now and then. */
export class BurstFleet {
  readonly #clock = createManualClock();
  readonly #startMs = this.#clock.now();
  readonly #store = createMemoryStore({ suspectAfterMs: 60_000, clock: () => this.#clock.now() });
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
      await fleet.#store.registerHost(PLACE, registration(hostId, { slots }));
    }
    await fleet.#report(hosts);
    return fleet;
  }

  get nowMs(): number {
    return this.#clock.now() - this.#startMs;
  }

  /** What each host measured when it last reported, in millionths. */
  get reported(): ReadonlyMap<string, number> {
    return this.#reported;
  }

  /** Moves time to that instant; hosts whose turn comes report. */
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

  /** One player joins: the choice is made, and the stream begins to ramp up. */
  async join(choose: Choice): Promise<string | undefined> {
    const hostId = await choose(this);
    if (hostId !== undefined) this.#streams.push({ hostId, sinceMs: this.nowMs });
    return hostId;
  }

  /** Duskline's choice: the store's. */
  async reserve(): Promise<string | undefined> {
    this.#sessions += 1;
    const wanted = reservation(sessionIdOf(this.#sessions));
    const { outcomes } = await this.#store.reserve(PLACE, [wanted], 600_000, 'broker-a');
    const [outcome] = outcomes;
    return outcome?.kind === 'reserved' ? outcome.hostId : undefined;
  }

  sessionsOf(hostId: string): number {
    return this.#streams.filter((stream) => stream.hostId === hostId).length;
  }

  /** The hottest host against the mean, by share of slots in use. */
  get hottestOverMean(): number {
    const shares = this.hosts.map(({ hostId, slots }) => this.sessionsOf(hostId) / slots);
    return Math.max(...shares) / (shares.reduce((sum, share) => sum + share, 0) / shares.length);
  }

  /** What a host really bears now, in millionths. */
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
    await this.#store.recordHeartbeats(PLACE, beats);
  }
}

export const byStore: Choice = (fleet) => fleet.reserve();

/** What went wrong elsewhere: the host that looked idlest in its last report. */
export const byLastReport: Choice = (fleet) => {
  const [idlest] = [...fleet.reported].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  return Promise.resolve(idlest?.[0]);
};

/** As before, and what is over full counts as full. */
export const bySaturatedReport: Choice = (fleet) => {
  const [idlest] = [...fleet.reported].sort(
    ([a, x], [b, y]) => Math.min(x, FULL) - Math.min(y, FULL) || (a < b ? -1 : 1),
  );
  return Promise.resolve(idlest?.[0]);
};
