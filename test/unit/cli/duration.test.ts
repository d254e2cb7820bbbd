import { durationArgument, parseDurationMs } from '@duskline/server/cli/arguments/duration.js';
import { formatRelativeTime } from '@duskline/server/cli/output/relative-time.js';
import { expect } from 'chai';
import { InvalidArgumentError } from 'commander';

describe('A duration on the command line', () => {
  const good: [string, number][] = [
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['007m', 420_000],
  ];
  for (const [text, ms] of good) {
    it(`${text} is ${ms} ms`, () => {
      expect(parseDurationMs(text)).to.equal(ms);
    });
  }

  const bad = [
    '',
    '30',
    'm',
    '30 m',
    '30M',
    '1.5h',
    '-5m',
    '+5m',
    '1h30m',
    '30min',
    '5ms',
    '1e3s',
    '٣m',
    '9999999999s',
    '30m\n',
  ];
  for (const text of bad) {
    it(`${JSON.stringify(text)} is not a duration`, () => {
      expect(parseDurationMs(text)).to.equal(undefined);
      expect(() => durationArgument(0, 1)(text)).to.throw(InvalidArgumentError, 'such as 90s, 30m or 2h');
    });
  }

  it('is refused outside its bounds, which the error names', () => {
    const read = durationArgument(1_000, 30 * 86_400_000);
    expect([read('1s'), read('30d')]).to.deep.equal([1_000, 2_592_000_000]);
    for (const text of ['0s', '31d', '721h']) {
      expect(() => read(text)).to.throw(InvalidArgumentError, 'between 1s and 30d');
    }
    expect(() => durationArgument(90_000, 5_400_000)('1s')).to.throw(
      InvalidArgumentError,
      'between 90s and 90m',
    );
  });
});

describe('A time in words', () => {
  const MINUTE = 60_000;
  const cases: [number, string][] = [
    [0, 'now'],
    [400, 'now'],
    [600, 'in 1 s'],
    [59_400, 'in 59 s'],
    [59_600, 'in 1 min'],
    [12 * MINUTE, 'in 12 min'],
    [-3 * MINUTE, '3 min ago'],
    [59.6 * MINUTE, 'in 1 h'],
    [-125 * MINUTE, '2 h 5 min ago'],
    [47 * 60 * MINUTE, 'in 47 h'],
    [48 * 60 * MINUTE, 'in 2 days'],
    [-30 * 24 * 60 * MINUTE, '30 days ago'],
  ];
  for (const [fromNowMs, words] of cases) {
    it(`${fromNowMs} ms from now is "${words}"`, () => {
      const nowMs = Date.UTC(2026, 0, 1);
      expect(formatRelativeTime(nowMs + fromNowMs, nowMs)).to.equal(words);
    });
  }
});
