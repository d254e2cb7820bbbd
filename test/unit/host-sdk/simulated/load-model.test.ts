import { expect } from 'chai';
import fc from 'fast-check';
import {
  createLoadModel,
  createSeededRandom,
  LOAD_FACTORS,
  deriveSeed,
  type LoadModel,
} from '@duskline/host/simulated';
import { rampShare } from '@duskline/host/internal/simulated/load-model';
import type { HostLoad } from '@duskline/protocol';

const STEADY = { spread: 0, noise: 0, stallsPerHour: 0 } as const;
const DIMENSIONS = ['gpu', 'encoder', 'cpu', 'network'] as const;

function measure(model: LoadModel, nowMs: number): HostLoad {
  const load = model.measure(nowMs);
  if (load === null) throw new Error('The host stalls.');
  return load;
}

describe('simulated load', () => {
  it('is zero without sessions', () => {
    const model = createLoadModel({ slots: 4, stallsPerHour: 0 });
    expect(model.measure(0)).to.deep.equal({ gpu: 0, encoder: 0, cpu: 0, network: 0 });
  });

  it('rises linearly over 20 s to 1/slots of the GPU, with the other dimensions in proportion', () => {
    const model = createLoadModel({ slots: 4, ...STEADY });
    model.start('a', 1_000);
    expect(measure(model, 1_000).gpu).to.equal(0);
    expect(measure(model, 11_000).gpu).to.be.closeTo(0.125, 1e-9);
    expect(measure(model, 21_000).gpu).to.be.closeTo(0.25, 1e-9);
    const later = measure(model, 500_000);
    for (const name of DIMENSIONS) expect(later[name]).to.be.closeTo(0.25 * LOAD_FACTORS[name], 1e-9);
  });

  it('is about 1 on a full host, and zero after the last session', () => {
    const model = createLoadModel({ slots: 8, stallsPerHour: 0, seed: 7 });
    for (let index = 0; index < 8; index += 1) model.start(`session-${index}`, 0);
    expect(measure(model, 60_000).gpu).to.be.closeTo(1, 0.15);
    for (let index = 0; index < 8; index += 1) model.stop(`session-${index}`);
    expect(measure(model, 61_000).gpu).to.equal(0);
  });

  it('does not start again when a client reconnects', () => {
    const model = createLoadModel({ slots: 1, ...STEADY });
    model.start('a', 0);
    model.start('a', 30_000);
    expect(measure(model, 30_000).gpu).to.equal(1);
  });

  it('runs faster than real time when configured', () => {
    const model = createLoadModel({ slots: 1, ...STEADY, speed: 60 });
    model.start('a', 0);
    expect(measure(model, 100).gpu).to.be.closeTo(0.3, 1e-9);
    model.stall(6_000, 100);
    expect(model.measure(199)).to.be.null;
    expect(model.measure(200)).not.to.be.null;
  });

  it('pauses now and then, for the configured time', () => {
    const model = createLoadModel({ slots: 1, seed: 3, stallsPerHour: 60, stallMs: 5_000 });
    const silences: number[] = [];
    let silent = 0;
    for (let second = 0; second < 3_600; second += 1) {
      if (model.measure(second * 1_000) === null) silent += 1;
      else if (silent > 0) {
        silences.push(silent);
        silent = 0;
      }
    }
    expect(silences.length).to.be.within(20, 110);
    expect(Math.min(...silences)).to.be.at.least(5);
  });

  it('hardly ever pauses by default', () => {
    const model = createLoadModel({ slots: 1, seed: 5 });
    let silent = 0;
    for (let second = 0; second < 36_000; second += 2)
      if (model.measure(second * 1_000) === null) silent += 1;
    expect(silent).to.be.below(30);
  });

  it('is determined by the seed alone', () => {
    const calls = fc.array(
      fc.record({
        act: fc.constantFrom('start', 'stop', 'measure'),
        session: fc.constantFrom('a', 'b', 'c'),
        afterMs: fc.integer({ min: 0, max: 10_000 }),
      }),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 16 }), calls, (seed, slots, sequence) => {
        const play = (): unknown[] => {
          const model = createLoadModel({ seed, slots, stallsPerHour: 30 });
          let nowMs = 0;
          return sequence.map(({ act, session, afterMs }) => {
            nowMs += afterMs;
            if (act === 'start') model.start(session, nowMs);
            if (act === 'stop') model.stop(session);
            return act === 'measure' ? model.measure(nowMs) : undefined;
          });
        };
        expect(play()).to.deep.equal(play());
      }),
    );
  });

  it('is never negative, never more than its sessions can use, and keeps its proportions', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 64 }),
        fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 64 }),
        fc.integer({ min: 0, max: 120_000 }),
        (seed, slots, starts, laterMs) => {
          const model = createLoadModel({ seed, slots, stallsPerHour: 0 });
          for (const [index, startMs] of starts.entries()) model.start(`session-${index}`, startMs);
          const load = measure(model, 60_000 + laterMs);
          const most = (starts.length / slots) * 1.1 * 1.02 + 1e-9;
          for (const name of DIMENSIONS) expect(load[name]).to.be.within(0, most * LOAD_FACTORS[name]);
          expect(load.network).to.be.at.most(load.gpu);
        },
      ),
    );
  });

  it('ramps between 0 and 1 and never decreases with age', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.nat(50_000),
        fc.nat(50_000),
        (ageMs, moreMs, rampMs) => {
          const share = rampShare(ageMs, rampMs);
          expect(share).to.be.within(0, 1);
          expect(rampShare(ageMs + moreMs, rampMs)).to.be.at.least(share);
        },
      ),
    );
  });
});

describe('seeded random', () => {
  it('returns numbers from 0 up to 1 that are the same for the same seed', () => {
    const draw = (seed: number): number[] => {
      const random = createSeededRandom(seed);
      return Array.from({ length: 1_000 }, random);
    };
    const numbers = draw(42);
    expect(numbers).to.deep.equal(draw(42));
    expect(numbers).not.to.deep.equal(draw(43));
    expect(numbers.every((number) => number >= 0 && number < 1)).to.be.true;
    expect(numbers.reduce((sum, number) => sum + number) / 1_000).to.be.closeTo(0.5, 0.05);
  });

  it('derives different seeds for different hosts', () => {
    const seeds = new Set(Array.from({ length: 1_000 }, (_, index) => deriveSeed(`dublin/pc/host-${index}`)));
    expect(seeds.size).to.equal(1_000);
  });
});
