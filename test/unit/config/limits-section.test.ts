import { MAX_FRAME_BYTES } from '@duskline/protocol';
import { LimitsSection } from '@duskline/server/config/sections/limits-section.js';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { expect } from 'chai';
import { Compile } from 'typebox/compile';
import { mistakesOf, validDocument } from './valid-config.js';

function pathsWith(limits: object): string[] {
  return mistakesOf({ ...validDocument(), limits }).map((mistake) => mistake.split(':')[0]!);
}

describe('configuration of limits', () => {
  it('accepts the defaults when they are written out', () => {
    expect(Compile(LimitsSection).Check(DEFAULT_LIMITS)).to.be.true;
    expect(pathsWith(DEFAULT_LIMITS)).to.deep.equal([]);
  });

  it('has a range for every limit', () => {
    for (const key of Object.keys(DEFAULT_LIMITS)) {
      expect(pathsWith({ [key]: -1 }), `${key}: -1`).to.include(`limits.${key}`);
      expect(pathsWith({ [key]: Number.MAX_SAFE_INTEGER }), `${key}: huge`).to.include(`limits.${key}`);
    }
  });

  it('accepts frames as large as the protocol promises', () => {
    expect(DEFAULT_LIMITS.maxFrameBytes).to.equal(MAX_FRAME_BYTES);
    expect(pathsWith({ maxFrameBytes: MAX_FRAME_BYTES - 1 })).to.deep.equal(['limits.maxFrameBytes']);
  });

  const contradictions: [string, object, string][] = [
    ['a suspect limit below two heartbeat intervals', { suspectAfterMs: 3_999 }, 'limits.suspectAfterMs'],
    [
      'a heartbeat interval above half of the suspect limit',
      { heartbeatIntervalMs: 2_001 },
      'limits.heartbeatIntervalMs',
    ],
    ['a lost limit equal to the suspect limit', { lostAfterMs: 4_000 }, 'limits.lostAfterMs'],
    ['a suspect limit equal to the lost limit', { suspectAfterMs: 10_000 }, 'limits.suspectAfterMs'],
    [
      'a sweep interval above the suspect limit',
      { sweepIntervalMs: 4_001, sweepGapMs: 5_000 },
      'limits.sweepIntervalMs',
    ],
    ['a sweep gap below the sweep interval', { sweepGapMs: 999 }, 'limits.sweepGapMs'],
    [
      'a socket buffer smaller than the largest frame of a host',
      { maxHostFrameBytes: 655_360, maxSocketBufferBytes: 655_359 },
      'limits.maxSocketBufferBytes',
    ],
    ['a renewal interval above half of the lease', { leaseRenewMs: 2_501 }, 'limits.leaseRenewMs'],
    [
      'a queue grace period longer than the life of a resume token',
      { queueGraceMs: 60_001, resumeWindowMs: 60_000, resumeTokenMs: 60_000 },
      'limits.resumeTokenMs',
    ],
    [
      'a resume window longer than the life of a resume token',
      { resumeWindowMs: 43_200_001 },
      'limits.resumeWindowMs',
    ],
    [
      'a socket buffer smaller than the largest frame of a client',
      { maxFrameBytes: 655_360, maxSocketBufferBytes: 655_359 },
      'limits.maxSocketBufferBytes',
    ],
  ];
  for (const [what, limits, path] of contradictions) {
    it(`refuses ${what}`, () => {
      expect(pathsWith(limits)).to.deep.equal([path]);
    });
  }

  it('accepts the bounds themselves', () => {
    const tight = {
      suspectAfterMs: 4_000,
      lostAfterMs: 4_001,
      sweepIntervalMs: 4_000,
      sweepGapMs: 4_000,
      leaseRenewMs: 2_500,
      maxSocketBufferBytes: 524_288,
    };
    expect(pathsWith(tight)).to.deep.equal([]);
  });
});
