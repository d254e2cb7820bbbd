import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { DEFAULT_REBALANCE_LIMITS } from '@duskline/server/domain/rebalance/limits/rebalance-limits.js';
import {
  findExclusionChanges,
  isHot,
  NO_HOT_HOSTS,
  trackHotHosts,
  type HostReport,
  type HotHosts,
} from '@duskline/server/domain/rebalance/limits/hot-hosts.js';
import { expect } from 'chai';
import fc from 'fast-check';

const HOST = { pool: 'pc', hostId: 'h', isExcluded: false };
const { hotAbove, coolBelow, hotHeartbeats } = DEFAULT_REBALANCE_LIMITS;

/** The tracked state after one heartbeat of a host with each of these loads. */
function after(...loads: number[]): HotHosts {
  return loads.reduce<HotHosts>(
    (known, measuredLoad, i) =>
      trackHotHosts(known, [{ ...HOST, measuredLoad, heartbeatAtMs: toStoreMs(2_000 * (i + 1)) }]),
    NO_HOT_HOSTS,
  );
}

const isHotAfter = (...loads: number[]): boolean => isHot(after(...loads), 'pc', 'h');

describe('Hot hosts', () => {
  it('are above nine tenths for three heartbeats in a row', () => {
    expect(isHotAfter(0.95, 0.95)).to.be.false;
    expect(isHotAfter(0.95, 0.91, 1.2)).to.be.true;
    expect(isHotAfter(0.9, 0.9, 0.9, 0.9), 'at the threshold').to.be.false;
  });

  it('do not include hosts that fell below the threshold in between', () => {
    expect(isHotAfter(0.95, 0.95, 0.85, 0.95, 0.95)).to.be.false;
  });

  it('stay hot until they fall below eight tenths', () => {
    expect(isHotAfter(1, 1, 1, 0.85)).to.be.true;
    expect(isHotAfter(1, 1, 1, 0.85, 0.8)).to.be.true;
    expect(isHotAfter(1, 1, 1, 0.79)).to.be.false;
    expect(isHotAfter(1, 1, 1, 0.79, 0.95, 0.95)).to.be.false;
  });

  it('are judged once per heartbeat, however often they are read', () => {
    const beat = { ...HOST, measuredLoad: 0.95, heartbeatAtMs: toStoreMs(2_000) };
    let known = NO_HOT_HOSTS;
    for (let i = 0; i < 5; i += 1) known = trackHotHosts(known, [beat]);
    expect(isHot(known, 'pc', 'h')).to.be.false;
    for (const atMs of [4_000, 6_000]) {
      known = trackHotHosts(known, [{ ...beat, heartbeatAtMs: toStoreMs(atMs) }]);
    }
    expect(isHot(known, 'pc', 'h')).to.be.true;
  });

  it('are distinguished by pool, and forgotten when they are gone', () => {
    const hot = after(1, 1, 1);
    expect(isHot(hot, 'console', 'h')).to.be.false;
    expect(trackHotHosts(hot, []).size).to.equal(0);
  });

  it('are the only hosts that are remembered, with those on the way to become hot', () => {
    expect(after(1, 1, 1, 0.5).size).to.equal(0);
    expect(after(0.5, 0.95).size).to.equal(1);
  });

  it('stay hot when another broker takes the region over, as the store has them', () => {
    const judge = (measuredLoad: number): boolean => {
      const report = { ...HOST, isExcluded: true, measuredLoad, heartbeatAtMs: toStoreMs(2_000) };
      return isHot(trackHotHosts(NO_HOT_HOSTS, [report]), 'pc', 'h');
    };
    expect(judge(0.97)).to.be.true;
    expect(judge(0.85)).to.be.true;
    expect(judge(0.79)).to.be.false;
  });
});

describe('The exclusion of hot hosts', () => {
  const beat = { pool: 'pc', heartbeatAtMs: toStoreMs(2_000) };

  it('excludes a hot host, and includes an excluded one that is cool', () => {
    const reports: HostReport[] = [
      { ...beat, hostId: 'warm', measuredLoad: 0.95, isExcluded: false },
      { ...beat, hostId: 'cooled', measuredLoad: 0.5, isExcluded: true },
      { ...beat, hostId: 'cool', measuredLoad: 0.5, isExcluded: false },
    ];
    const limits = { ...DEFAULT_REBALANCE_LIMITS, hotHeartbeats: 1 };
    const hot = trackHotHosts(NO_HOT_HOSTS, reports, limits);
    expect(findExclusionChanges(hot, reports)).to.deep.equal([
      { kind: 'exclude', pool: 'pc', hostId: 'warm' },
      { kind: 'include', pool: 'pc', hostId: 'cooled' },
    ]);
  });
});

describe('A region judged round by round', () => {
  /** What its hosts measure at each of these heartbeats, by host. */
  const histories = fc.array(
    fc.array(fc.double({ min: 0, max: 1.3, noNaN: true }), { minLength: 1, maxLength: 12 }),
    { minLength: 1, maxLength: 5 },
  );

  /** Carries rounds out in the store, and calls `check` after each of them. */
  function judge(
    loads: readonly (readonly number[])[],
    check: (hostId: number, beat: number, isExcluded: boolean) => void,
  ): void {
    const excluded = new Set<string>();
    let known = NO_HOT_HOSTS;
    for (let i = 0; i < 12; i += 1) {
      const reports = loads.flatMap((ofHost, number): HostReport[] => {
        const hostId = `h${number}`;
        const measuredLoad = ofHost[i];
        return measuredLoad === undefined
          ? []
          : [
              {
                pool: 'pc',
                hostId,
                measuredLoad,
                heartbeatAtMs: toStoreMs(2_000 * (i + 1)),
                isExcluded: excluded.has(hostId),
              },
            ];
      });
      known = trackHotHosts(known, reports);
      for (const { kind, hostId } of findExclusionChanges(known, reports)) {
        if (kind === 'exclude') excluded.add(hostId);
        else excluded.delete(hostId);
      }
      for (const { hostId } of reports) {
        check(Number(hostId.slice(1)), i, excluded.has(hostId));
      }
    }
  }

  it('excludes only hosts that measured enough for long enough, and all of these', () => {
    fc.assert(
      fc.property(histories, (loads) => {
        judge(loads, (host, beat, isExcluded) => {
          const measured = loads[host]!.slice(0, beat + 1);
          const isAboveNow =
            beat + 1 >= hotHeartbeats && measured.slice(-hotHeartbeats).every((load) => load > hotAbove);
          if (isAboveNow) expect(isExcluded, 'above').to.be.true;
          if (measured.at(-1)! < coolBelow) expect(isExcluded, 'cool').to.be.false;
          // Between the two thresholds a host is hot exactly if it was above since it was cool the last time.
          const warm = measured.slice(measured.findLastIndex((load) => load < coolBelow) + 1);
          const wasAbove = warm.some((_, i) => [0, 1, 2].every((back) => (warm[i - back] ?? 0) > hotAbove));
          expect(isExcluded).to.equal(wasAbove);
        });
      }),
    );
  });

  it('comes to the same result with a broker that takes over between two rounds, but for heartbeats counted so far', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1.3, noNaN: true }), fc.boolean(), (measuredLoad, wasHot) => {
        const report = { ...HOST, measuredLoad, heartbeatAtMs: 4_000 };
        const before = wasHot ? after(1, 1, 1) : NO_HOT_HOSTS;
        const [same, other] = [before, NO_HOT_HOSTS].map((known) =>
          isHot(
            trackHotHosts(known, [{ ...report, heartbeatAtMs: toStoreMs(8_000), isExcluded: wasHot }]),
            'pc',
            'h',
          ),
        );
        expect(other).to.equal(same);
      }),
    );
  });
});
