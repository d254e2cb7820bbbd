import { LOAD_DIMENSIONS } from '@duskline/protocol/vocabulary';
import {
  FULL,
  RAMP_TIME_CONSTANT_MS,
  congestion,
  decayRamping,
  expectedSessionLoad,
  measuredLoad,
  withdrawRamping,
  type HostGauge,
} from '@duskline/server/domain/congestion.js';
import { expect } from 'chai';
import fc from 'fast-check';

const slots = fc.integer({ min: 1, max: 512 });
const load = fc.integer({ min: 0, max: 5 * FULL });
const ageMs = fc.integer({ min: 0, max: 60_000 });
const gauge: fc.Arbitrary<HostGauge> = slots.chain((count) =>
  fc.record({
    slots: fc.constant(count),
    committed: fc.integer({ min: 0, max: count }),
    measured: load,
    ramping: load,
  }),
);

describe('Congestion', () => {
  it('is the maximum of committed load, and of measured plus ramping load', () => {
    expect(congestion({ slots: 4, committed: 3, measured: 100_000, ramping: 50_000 })).to.equal(750_000);
    expect(congestion({ slots: 4, committed: 1, measured: 600_000, ramping: 250_000 })).to.equal(850_000);
    expect(congestion({ slots: 4, committed: 4, measured: 0, ramping: 0 })).to.equal(FULL);
    fc.assert(
      fc.property(gauge, (host) => {
        const both = congestion(host);
        expect(both).to.be.at.least(host.measured + host.ramping);
        expect(both).to.be.at.least(Math.floor((host.committed * FULL) / host.slots));
        expect([host.measured + host.ramping, Math.floor((host.committed * FULL) / host.slots)]).to.include(
          both,
        );
      }),
    );
  });

  it('is a whole number', () => {
    fc.assert(fc.property(gauge, (host) => Number.isInteger(congestion(host))));
  });

  it('never decreases when one of its inputs increases', () => {
    const part = fc.constantFrom('committed' as const, 'measured' as const, 'ramping' as const);
    fc.assert(
      fc.property(gauge, part, fc.integer({ min: 1, max: FULL }), (host, name, more) => {
        expect(congestion({ ...host, [name]: host[name] + more })).to.be.at.least(congestion(host));
      }),
    );
  });

  it('never decreases when a host has fewer slots for the same sessions', () => {
    fc.assert(
      fc.property(gauge, (host) => {
        expect(congestion(host)).to.be.at.least(congestion({ ...host, slots: host.slots + 1 }));
      }),
    );
  });

  it('orders full hosts', () => {
    const full = { slots: 8, committed: 8, ramping: 0 };
    expect(congestion({ ...full, measured: 1_400_000 })).to.be.above(
      congestion({ ...full, measured: 1_200_000 }),
    );
  });
});

describe('Ramping load', () => {
  it('starts as the share of one slot, rounded down so that all slots together do not exceed the host', () => {
    fc.assert(
      fc.property(slots, (count) => {
        const one = expectedSessionLoad(count);
        expect(Number.isInteger(one)).to.be.true;
        expect(one * count).to.be.within(FULL - count, FULL);
      }),
    );
  });

  it('decays to a whole number between zero and its former value', () => {
    fc.assert(
      fc.property(load, fc.integer({ min: -60_000, max: 60_000 }), (ramping, elapsedMs) => {
        const left = decayRamping(ramping, elapsedMs);
        expect(Number.isInteger(left)).to.be.true;
        expect(left).to.be.within(0, ramping);
      }),
    );
  });

  it('decays more with more time, and not at all when no time passes or the clock jumps back', () => {
    fc.assert(
      fc.property(load, ageMs, ageMs, (ramping, a, b) => {
        expect(decayRamping(ramping, Math.max(a, b))).to.be.at.most(decayRamping(ramping, Math.min(a, b)));
        expect(decayRamping(ramping, 0)).to.equal(ramping);
        expect(decayRamping(ramping, -a)).to.equal(ramping);
      }),
    );
    // A late heartbeat does not remove the ramping load at once, because sessions that were placed just before it have no
    // load yet.
    expect(decayRamping(FULL, RAMP_TIME_CONSTANT_MS)).to.equal(FULL / 2);
  });

  it('keeps the order of two hosts while it decays', () => {
    fc.assert(
      fc.property(load, load, ageMs, (a, b, elapsedMs) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        expect(decayRamping(less, elapsedMs)).to.be.at.most(decayRamping(more, elapsedMs));
      }),
    );
  });

  it('has mostly decayed after 20 s of heartbeats every 2 s, and hardly after one heartbeat', () => {
    let left = FULL;
    for (let beat = 1; beat <= 10; beat += 1) {
      left = decayRamping(left, 2_000);
      if (beat === 1) expect(left).to.be.above(FULL * 0.75);
    }
    expect(left).to.be.below(FULL * 0.17);
  });

  it('is reduced when its session ends: never below zero, and less for older sessions', () => {
    fc.assert(
      fc.property(load, slots, ageMs, ageMs, (ramping, count, a, b) => {
        const [young, old] = [Math.min(a, b), Math.max(a, b)];
        const left = withdrawRamping(ramping, count, young);
        expect(left).to.be.within(0, ramping);
        expect(left).to.be.at.most(withdrawRamping(ramping, count, old));
        expect(ramping - left).to.be.at.most(expectedSessionLoad(count));
      }),
    );
  });

  it('returns to its former value when a session starts and ends at once', () => {
    fc.assert(
      fc.property(load, slots, (ramping, count) => {
        expect(withdrawRamping(ramping + expectedSessionLoad(count), count, 0)).to.equal(ramping);
      }),
    );
  });
});

describe('Measured load', () => {
  const dimension = fc.double({ min: 0, max: 4, noNaN: true });
  const measurement = fc.record({ gpu: dimension, encoder: dimension, cpu: dimension, network: dimension });

  it('is the largest dimension in whole millionths, not clamped', () => {
    expect(measuredLoad({ gpu: 0.2, encoder: 0.71, cpu: 0.3, network: 0.1 })).to.equal(710_000);
    expect(measuredLoad({ gpu: 0.2, encoder: 0.7, cpu: 0.3, network: 1.9 })).to.equal(1_900_000);
    fc.assert(
      fc.property(measurement, (measured) => {
        const worst = measuredLoad(measured);
        expect(Number.isInteger(worst)).to.be.true;
        expect(worst).to.equal(Math.max(...LOAD_DIMENSIONS.map((name) => Math.round(measured[name] * FULL))));
      }),
    );
  });

  it('never decreases when a dimension increases', () => {
    fc.assert(
      fc.property(measurement, fc.constantFrom(...LOAD_DIMENSIONS), dimension, (measured, name, more) => {
        const worse = { ...measured, [name]: measured[name] + more };
        expect(measuredLoad(worse)).to.be.at.least(measuredLoad(measured));
      }),
    );
  });
});
