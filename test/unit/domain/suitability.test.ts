import { CODECS, PLATFORMS, RESOLUTIONS, type Resolution } from '@duskline/protocol/vocabulary';
import type { Pool } from '@duskline/server/domain/catalog.js';
import { bestStream, isSuitable } from '@duskline/server/domain/suitability.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { TITLES, device, poolCalled } from './arbitraries.js';

const pool = poolCalled('pool');
const heightOf = (resolution: Resolution): number => RESOLUTIONS.indexOf(resolution);

const PC: Pool = {
  pool: 'pc',
  platform: 'pc',
  codecs: ['h264', 'av1', 'hevc'],
  maxResolution: '1440p',
  maxFps: 120,
  titles: ['t1'],
};
const TV = { codecs: ['h264', 'hevc'], maxResolution: '2160p' } as const;

describe('The stream between a pool and a device', () => {
  it('never exceeds the capabilities of either', () => {
    fc.assert(
      fc.property(pool, device, (from, to) => {
        const stream = bestStream(from, to);
        if (stream === undefined) {
          expect(from.codecs.filter((codec) => to.codecs.includes(codec))).to.be.empty;
          return;
        }
        expect(from.codecs).to.include(stream.codec);
        expect(to.codecs).to.include(stream.codec);
        expect(heightOf(stream.resolution)).to.equal(
          Math.min(heightOf(from.maxResolution), heightOf(to.maxResolution)),
        );
        expect(stream.fps).to.equal(Math.min(from.maxFps, to.maxFps ?? 60));
      }),
    );
  });

  it('uses the best common codec, whatever the order of the lists, and however often they name it', () => {
    fc.assert(
      fc.property(pool, device, (from, to) => {
        const common = CODECS.filter((codec) => from.codecs.includes(codec) && to.codecs.includes(codec));
        expect(bestStream(from, to)?.codec).to.equal(common[0]);
        const reversed = { ...from, codecs: from.codecs.toReversed() };
        expect(bestStream(reversed, to)).to.deep.equal(bestStream(from, to));
        const repeated = { ...to, codecs: [...to.codecs.toReversed(), ...to.codecs] };
        expect(bestStream(from, repeated)).to.deep.equal(bestStream(from, to));
      }),
    );
    expect(bestStream(PC, TV)).to.deep.equal({ codec: 'hevc', resolution: '1440p', fps: 60 });
    expect(bestStream(PC, { ...TV, maxFps: 240 })?.fps).to.equal(120);
    expect(bestStream(PC, { ...TV, codecs: ['vp9'] })).to.be.undefined;
  });
});

describe('Suitability of a pool', () => {
  const title = fc.constantFrom(...TITLES);
  const optional = <T extends string>(values: readonly T[]): fc.Arbitrary<T | undefined> =>
    fc.option(fc.constantFrom(...values), { nil: undefined });

  it('requires title, platform, a common codec and the minimum resolution', () => {
    fc.assert(
      fc.property(pool, device, title, optional(PLATFORMS), optional(RESOLUTIONS), (from, to, ...asked) => {
        const [wanted, platform, minResolution] = asked;
        const stream = bestStream(from, to);
        const expected =
          from.titles.includes(wanted) &&
          stream !== undefined &&
          (platform ?? from.platform) === from.platform &&
          heightOf(stream.resolution) >= heightOf(minResolution ?? '720p');
        expect(isSuitable(from, to, { title: wanted, platform, minResolution })).to.equal(expected);
      }),
    );
  });

  it('never improves when the request requires more', () => {
    fc.assert(
      fc.property(pool, device, title, fc.constantFrom(...RESOLUTIONS), (from, to, wanted, minResolution) => {
        if (isSuitable(from, to, { title: wanted, minResolution })) {
          expect(isSuitable(from, to, { title: wanted })).to.be.true;
        }
      }),
    );
  });

  it('depends on what reaches the device, not on what the pool could send', () => {
    const phone = { codecs: ['h264'], maxResolution: '1080p' } as const;
    expect(isSuitable(PC, phone, { title: 't1', minResolution: '1080p' })).to.be.true;
    expect(isSuitable(PC, phone, { title: 't1', minResolution: '1440p' })).to.be.false;
  });
});
