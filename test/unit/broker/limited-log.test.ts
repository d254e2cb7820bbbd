import { createLimitedLog } from '@duskline/server/broker/limited-log.js';
import { expect } from 'chai';
import { ManualClock } from '../../support/time/manual-clock.js';

describe('A log with a limit', () => {
  it('writes ten lines of a message in ten seconds, and then how many were left out', () => {
    const clock = new ManualClock();
    const lines: [object, string][] = [];
    const ignore = (): void => undefined;
    const log = createLimitedLog(
      {
        error: ignore,
        info: ignore,
        debug: ignore,
        warn: (fields, message) => lines.push([fields, message]),
      },
      clock,
    );
    for (let i = 0; i < 25; i += 1) log.warn({ i }, 'host failed');
    log.warn({}, 'another message');
    expect(lines.map(([, message]) => message)).to.deep.equal([
      ...Array.from({ length: 10 }, () => 'host failed'),
      'another message',
    ]);
    clock.advance(10_000);
    log.warn({ i: 25 }, 'host failed');
    log.warn({ i: 26 }, 'host failed');
    expect(lines.slice(-2)).to.deep.equal([
      [{ i: 25, leftOut: 15 }, 'host failed'],
      [{ i: 26 }, 'host failed'],
    ]);
  });
});
