import { HOST_STATES } from '@duskline/server/domain/host-state.js';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { judgeSilentHosts, type SilentHost } from '@duskline/server/domain/host-silence.js';
import { expect } from 'chai';
import fc from 'fast-check';

const { suspectAfterMs, lostAfterMs, sweepGapMs } = DEFAULT_LIMITS;

function host(changes: Partial<SilentHost> = {}): SilentHost {
  return { hostId: 'h0', state: 'ready', silentMs: 0, missingForMs: null, ...changes };
}

/** Equal hosts, except for their ids. */
function hosts(count: number, changes: Partial<SilentHost>): SilentHost[] {
  return Array.from({ length: count }, (_, i) => host({ ...changes, hostId: `h${i}` }));
}

const silentHost: fc.Arbitrary<SilentHost> = fc.record({
  hostId: fc.uuid(),
  state: fc.constantFrom(...HOST_STATES),
  silentMs: fc.oneof(
    fc.constantFrom(suspectAfterMs, suspectAfterMs + 1, lostAfterMs, lostAfterMs + 1),
    fc.nat({ max: 60_000 }),
  ),
  missingForMs: fc.option(fc.oneof(fc.constantFrom(0, sweepGapMs - 1, sweepGapMs), fc.nat({ max: 20_000 })), {
    nil: null,
  }),
});
const regionPool = fc.record({ awake: fc.nat({ max: 20 }), silent: fc.array(silentHost, { maxLength: 20 }) });

describe('Silent hosts', () => {
  it('are first marked as suspect, and nothing else', () => {
    const verdict = judgeSilentHosts(9, [host({ silentMs: suspectAfterMs + 1 })], DEFAULT_LIMITS);
    expect(verdict).to.deep.equal({ suspect: ['h0'], missing: [], lost: [], massSilence: false });
  });

  it('are not marked while their heartbeats are in time', () => {
    const verdict = judgeSilentHosts(
      9,
      [host({ silentMs: suspectAfterMs, missingForMs: 9_000 })],
      DEFAULT_LIMITS,
    );
    expect(verdict).to.deep.equal({ suspect: [], missing: [], lost: [], massSilence: false });
  });

  it('are never lost at the first sweep, however long they were silent', () => {
    const first = judgeSilentHosts(9, [host({ silentMs: 3_600_000 })], DEFAULT_LIMITS);
    expect(first.missing).to.deep.equal(['h0']);
    expect(first.lost).to.be.empty;
  });

  it('are lost when a second sweep finds them missing, at least one sweep gap after the first', () => {
    const silentMs = lostAfterMs + 1;
    const lostAfterGapOf = (missingForMs: number): readonly string[] =>
      judgeSilentHosts(9, [host({ state: 'suspect', silentMs, missingForMs })], DEFAULT_LIMITS).lost;
    expect(lostAfterGapOf(0)).to.be.empty;
    expect(lostAfterGapOf(sweepGapMs - 1)).to.be.empty;
    expect(lostAfterGapOf(sweepGapMs)).to.deep.equal(['h0']);
  });

  it('are judged by these rules in every combination', () => {
    fc.assert(
      fc.property(regionPool, ({ awake, silent }) => {
        const verdict = judgeSilentHosts(awake + silent.length, silent, DEFAULT_LIMITS);
        const named = (names: readonly string[]): SilentHost[] =>
          silent.filter(({ hostId }) => names.includes(hostId));
        for (const { silentMs, state } of named(verdict.suspect)) {
          expect(silentMs).to.be.above(suspectAfterMs);
          expect(state).to.be.oneOf(['ready', 'joining']);
        }
        for (const { silentMs, missingForMs } of named(verdict.missing)) {
          expect(silentMs).to.be.above(lostAfterMs);
          expect(missingForMs).to.be.null;
        }
        for (const { silentMs, missingForMs } of named(verdict.lost)) {
          expect(silentMs).to.be.above(lostAfterMs);
          expect(missingForMs).to.be.at.least(sweepGapMs);
        }
        // Late hosts that accept sessions are named, so that reservations do not choose them.
        const late = silent.filter(({ silentMs, state }) => silentMs > suspectAfterMs && state === 'ready');
        expect(verdict.suspect).to.include.members(late.map(({ hostId }) => hostId));
      }),
    );
  });

  it('are never judged better after a longer silence', () => {
    fc.assert(
      fc.property(regionPool, fc.nat({ max: 60_000 }), ({ awake, silent }, moreMs) => {
        const [one] = silent;
        if (one === undefined) return;
        const severity = (silentMs: number): number => {
          const changed = [{ ...one, silentMs }, ...silent.slice(1)];
          // In a region pool so large that a single silent host causes no mass silence.
          const verdict = judgeSilentHosts(awake + 1_000, changed, DEFAULT_LIMITS);
          if (verdict.lost.includes(one.hostId)) return 3;
          if (verdict.missing.includes(one.hostId)) return 2;
          return verdict.suspect.includes(one.hostId) ? 1 : 0;
        };
        expect(severity(one.silentMs + moreMs)).to.be.at.least(severity(one.silentMs));
      }),
    );
  });
});

describe('Many hosts that fall silent at the same time', () => {
  const gone = { state: 'suspect', silentMs: lostAfterMs + 1, missingForMs: sweepGapMs } as const;

  it('are not declared lost, because the fault is more likely in the broker or its network', () => {
    const verdict = judgeSilentHosts(10, hosts(5, gone), DEFAULT_LIMITS);
    expect(verdict.massSilence).to.be.true;
    expect(verdict.lost).to.be.empty;
    expect(verdict.missing).to.be.empty;
  });

  it('become suspect nevertheless, and get no new session', () => {
    const verdict = judgeSilentHosts(10, hosts(10, { silentMs: suspectAfterMs + 1 }), DEFAULT_LIMITS);
    expect(verdict.suspect).to.have.length(10);
  });

  it('are lost after three times the limit, because the region may really be down', () => {
    const silentMs = 3 * lostAfterMs + 1;
    expect(judgeSilentHosts(10, hosts(10, { ...gone, silentMs }), DEFAULT_LIMITS).lost).to.have.length(10);
  });

  it('count as a mass from half of the region pool on', () => {
    expect(judgeSilentHosts(11, hosts(5, gone), DEFAULT_LIMITS).lost).to.have.length(5);
    expect(judgeSilentHosts(11, hosts(6, gone), DEFAULT_LIMITS).lost).to.be.empty;
  });

  it('do not count as a mass when they are only one or two', () => {
    for (const count of [1, 2]) {
      const verdict = judgeSilentHosts(count, hosts(count, gone), DEFAULT_LIMITS);
      expect(verdict.massSilence).to.be.false;
      expect(verdict.lost).to.have.length(count);
    }
  });

  it('do not include hosts whose heartbeats are still in time', () => {
    const inTime = hosts(9, { silentMs: suspectAfterMs });
    const verdict = judgeSilentHosts(10, [...inTime, host({ ...gone, hostId: 'gone' })], DEFAULT_LIMITS);
    expect(verdict.massSilence).to.be.false;
    expect(verdict.lost).to.deep.equal(['gone']);
  });

  it('count as a mass when there are more than one sweep can list', () => {
    const listed = hosts(200, gone);
    expect(judgeSilentHosts(1_000, listed, DEFAULT_LIMITS).lost).to.have.length(200);
    const verdict = judgeSilentHosts(1_000, listed, DEFAULT_LIMITS, { cutShort: true });
    expect(verdict.massSilence).to.be.true;
    expect(verdict.lost).to.be.empty;
  });
});
