import { createRebalancer } from '@duskline/server/broker/rebalance/plan-round.js';
import type { RoundPlan, RoundRequest } from '@duskline/server/broker/rebalance/rebalancer.js';
import { encodeMatch } from '@duskline/server/broker/sessions/match-details.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { FULL } from '@duskline/server/domain/congestion.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import type { FleetStore, SessionMeta } from '@duskline/server/store/fleet-store.js';
import { createMemoryStore, type MemoryStore } from '@duskline/server/store/memory/memory-store.js';
import type { RegionPool } from '@duskline/server/domain/catalog.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { metaOf, registration, reservation, sessionIdOf } from '../../../support/fleet/fleet-data.js';
import { TEST_CONFIG, TEST_ENV } from '../../../support/fleet/test-broker.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

const REGIONS = ['near', 'next', 'far'] as const;
const { catalog } = loadConfig({ text: TEST_CONFIG, env: TEST_ENV });
const { coolBelow, hotAbove } = DEFAULT_REBALANCE_LIMITS;
const SLOTS = 4;
const MAX_QUEUE = 100;
const RESERVATION_MS = 30_000;

interface HostAtStart {
  readonly region: (typeof REGIONS)[number];
  /** Sessions that begin at the start. Their expected load is high then, whatever the host measures. */
  readonly sessions: number;
  readonly loads: readonly number[];
}

function poolIn(region: string): RegionPool {
  return { region, pool: 'console-x' };
}

function hostIdOf({ region }: HostAtStart, number: number): string {
  return `${region}-${number}`;
}

const ANY_REGION = { near: 12, next: 20, far: 30 };

/** The metadata of a session in this region. @param reach round-trip times of the player, by region */
function metaIn(
  region: HostAtStart['region'],
  sessionId: string,
  reach: Readonly<Record<string, number>> = ANY_REGION,
): SessionMeta {
  const stream = { codec: 'hevc', resolution: '1080p', fps: 60 } as const;
  const details = { stream, rank: 1, candidates: 3, reason: '', tier: 'standard' };
  const match = encodeMatch({ ...details, rttMs: ANY_REGION[region], reach });
  return { ...metaOf(sessionId), title: 'drift', match };
}

async function enqueue(
  store: FleetStore,
  sessionId: string,
  region: HostAtStart['region'],
  reach?: Readonly<Record<string, number>>,
): Promise<void> {
  const placement = { sessionId, epoch: 1, arrivedAtMs: null, headStartMs: 0, missed: false };
  const meta = metaIn(region, sessionId, reach);
  await store.enqueue(poolIn(region), [{ ...placement, clientBrokerId: 'b', meta }], MAX_QUEUE, 'b');
}

/** A fleet in memory. Each region has players who wait for a slot in any region. */
class FleetInRounds {
  readonly #clock = new ManualClock();
  readonly store: MemoryStore = createMemoryStore({ suspectAfterMs: 60_000, clock: this.#clock });
  readonly #rebalancer = createRebalancer(this.store, catalog, DEFAULT_REBALANCE_LIMITS, this.#clock);

  constructor(private readonly hosts: readonly HostAtStart[]) {}

  /** Adds the hosts and their sessions. */
  async fill(): Promise<void> {
    for (const region of REGIONS) await this.#fillRegion(region);
  }

  /** Adds the players who wait too. */
  async start(): Promise<void> {
    await this.fill();
    for (const [i, region] of REGIONS.entries()) {
      const sessionId = sessionIdOf(1_000 + i);
      await enqueue(this.store, sessionId, region);
    }
  }

  async #fillRegion(region: HostAtStart['region']): Promise<void> {
    const here = [...this.hosts.entries()].filter(([, host]) => host.region === region);
    for (const [number, host] of here) {
      const hostId = hostIdOf(host, number);
      await this.store.registerHost(poolIn(region), registration(hostId, { slots: SLOTS }));
      await this.#beat(number, 0);
      const wanted = Array.from({ length: host.sessions }, (_, i) =>
        reservation(sessionIdOf(10 * number + i), { meta: metaIn(region, sessionIdOf(10 * number + i)) }),
      );
      await this.store.reserve(poolIn(region), wanted, RESERVATION_MS, 'b');
    }
  }

  async #beat(number: number, measuredLoad: number): Promise<void> {
    const host = this.hosts[number]!;
    const heartbeat = { hostId: hostIdOf(host, number), connectionId: 'broker-a.1', digest: 0 };
    const measured = Math.round(measuredLoad * FULL);
    await this.store.recordHeartbeats(poolIn(host.region), [{ ...heartbeat, measured }]);
  }

  async beatAll(beat: number): Promise<void> {
    this.#clock.advance(2_000);
    for (const [number, { loads }] of this.hosts.entries()) await this.#beat(number, loads[beat] ?? 0);
  }

  /** Plans a round of the region, and stores its exclusions. */
  async runRound(region: string, changes: Partial<RoundRequest> = {}): Promise<RoundPlan> {
    const request: RoundRequest = {
      region,
      storeIsRecovering: false,
      closedRegionPools: [],
      quarantinedHosts: [],
      excludedSessions: [],
      scheduledChains: [],
      ...changes,
    };
    const plan = await this.#rebalancer.planRound(request);
    for (const { kind, pool, hostId } of plan.exclusions) {
      if (kind === 'exclude') await this.store.addClosure({ region, pool }, hostId, 'hot');
      else await this.store.removeClosure({ region, pool }, hostId, 'hot');
    }
    return plan;
  }

  async hotHostsOf(region: string): Promise<string[]> {
    const hosts = await this.store.listHosts(poolIn(region));
    return hosts.filter(({ closures }) => closures.includes('hot')).map(({ hostId }) => hostId);
  }
}

const load = fc.oneof(
  fc.constantFrom(0, 0.5, 0.79, 0.85, 0.91, 0.97, 1.2),
  fc.double({ min: 0, max: 1.3, noNaN: true }),
);
const BEATS = 8;
const hostAtStart = fc.record({
  region: fc.constantFrom(...REGIONS),
  sessions: fc.nat(SLOTS),
  loads: fc.oneof(
    fc.array(load, { minLength: BEATS, maxLength: BEATS }),
    load.map((steady) => Array.from({ length: BEATS }, () => steady)),
  ),
});
const hosts = fc.array(hostAtStart, { minLength: 1, maxLength: 6 });
/** The regions whose rounds run after each heartbeat. A region may have none: its lease holder has just stopped. */
const rounds = fc.array(fc.shuffledSubarray([...REGIONS]), { minLength: BEATS, maxLength: BEATS });

describe('A round of rebalancing', () => {
  it('leaves the exclusions of all other regions as they are, wherever players wait', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, rounds, async (atStart, roundsAfter) => {
        const fleet = new FleetInRounds(atStart);
        await fleet.start();
        for (const [beat, regions] of roundsAfter.entries()) {
          await fleet.beatAll(beat);
          for (const region of regions) {
            const others = REGIONS.filter((other) => other !== region);
            const before = await Promise.all(others.map((other) => fleet.hotHostsOf(other)));
            const { exclusions } = await fleet.runRound(region);
            for (const { hostId } of exclusions) expect(hostId).to.match(new RegExp(`^${region}-`));
            const after = await Promise.all(others.map((other) => fleet.hotHostsOf(other)));
            expect(after).to.deep.equal(before);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('excludes only hosts that measure a high load, whatever load is expected of their sessions', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, async (atStart) => {
        const fleet = new FleetInRounds(atStart);
        await fleet.start();
        for (let beat = 0; beat < BEATS; beat += 1) {
          await fleet.beatAll(beat);
          for (const region of REGIONS) {
            await fleet.runRound(region);
            for (const hostId of await fleet.hotHostsOf(region)) {
              const { loads } = atStart[Number(hostId.split('-')[1])]!;
              expect(loads[beat]).to.be.at.least(coolBelow);
              const previous = loads.slice(0, beat + 1);
              expect(Math.max(...previous)).to.be.above(hotAbove);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does not exclude a host that is full of sessions that have just begun, and offers the slot that one of them leaves', async () => {
    const loads = Array.from({ length: BEATS }, () => 0.3);
    const fleet = new FleetInRounds([{ region: 'near', sessions: SLOTS, loads }]);
    await fleet.start();
    for (let beat = 0; beat < BEATS; beat += 1) {
      await fleet.beatAll(beat);
      expect((await fleet.runRound('near')).exclusions).to.deep.equal([]);
    }
    await fleet.store.endSessions(
      poolIn('near'),
      [{ sessionId: sessionIdOf(0), epoch: 1, reason: 'client_left' }],
      'b',
    );
    const [waiting] = await fleet.store.getSessions(poolIn('near'), [sessionIdOf(1_000)]);
    expect(waiting).to.include({ state: 'offered', hostId: 'near-0' });
  });

  it('moves a session for a player who waits, but not for one who has an offer in another region', async () => {
    const loads = [0.3];
    const fleet = new FleetInRounds([
      { region: 'near', sessions: SLOTS, loads },
      { region: 'next', sessions: 0, loads },
      { region: 'far', sessions: 0, loads },
    ]);
    await fleet.fill();
    const sessionId = sessionIdOf(1_000);
    const reach = { near: 12, next: 20 };
    await enqueue(fleet.store, sessionId, 'near', reach);
    await fleet.beatAll(0);
    await fleet.store.addClosure(poolIn('next'), null, 'cordoned');
    const request = { closedRegionPools: ['next/console-x'] };
    expect((await fleet.runRound('near', request)).moves.map(({ to }) => to.regionPool.region)).to.deep.equal(
      ['far'],
    );
    await fleet.store.removeClosure(poolIn('next'), null, 'cordoned');
    await enqueue(fleet.store, sessionId, 'next', reach);
    const [offer] = await fleet.store.getSessions(poolIn('next'), [sessionId]);
    expect(offer).to.include({ state: 'offered' });
    expect((await fleet.runRound('near', request)).moves).to.deep.equal([]);
  });
});
