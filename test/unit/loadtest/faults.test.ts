import { parseDurationMs, formatDuration } from '@duskline/loadtest/plan/duration.js';
import { parseFault } from '@duskline/loadtest/plan/faults.js';
import { expect } from 'chai';

describe('Parsing a fault', () => {
  it('reads kind, time and duration', () => {
    const at = (text: string): object => {
      const { text: written, ...fault } = parseFault(text);
      expect(written).to.equal(text);
      return fault;
    };
    expect(at('kill-host@20s')).to.deep.equal({ kind: 'kill-host', atMs: 20_000 });
    expect(at('kill-host:eu-west@500ms')).to.deep.equal({ kind: 'kill-host', atMs: 500, region: 'eu-west' });
    expect(at('kill-broker@30s')).to.deep.equal({ kind: 'kill-broker', atMs: 30_000 });
    expect(at('kill-broker@30s:2.5s')).to.deep.equal({
      ...{ kind: 'kill-broker', atMs: 30_000, backAfterMs: 2_500 },
    });
    expect(at('pause-broker@1s:1s')).to.deep.equal({ kind: 'pause-broker', atMs: 1_000, lastsMs: 1_000 });
    expect(at('pause-redis@40s:5s')).to.deep.equal({ kind: 'pause-redis', atMs: 40_000, lastsMs: 5_000 });
    expect(at('drain:eu-west@1m')).to.deep.equal({
      ...{ kind: 'drain', atMs: 60_000, region: 'eu-west', deadlineMs: 30_000 },
    });
    expect(at('drain:eu-west@50s:20s')).to.include({ deadlineMs: 20_000 });
  });

  it('refuses invalid text, and shows the expected form', () => {
    expect(() => parseFault('kill-everything@3s')).to.throw(
      RangeError,
      /is not a fault\. Use one of: kill-host@20s/,
    );
    expect(() => parseFault('kill-host@soon')).to.throw(RangeError, /Use one of/);
    expect(() => parseFault('kill-host')).to.throw(RangeError);
    expect(() => parseFault('pause-redis@40s')).to.throw(
      RangeError,
      /the duration is missing\. .*: pause-redis@40s:5s/,
    );
    expect(() => parseFault('pause-redis@40s:long')).to.throw(RangeError);
    expect(() => parseFault('drain@50s')).to.throw(
      RangeError,
      /the region is missing\. .*: drain:eu-west@50s/,
    );
    expect(() => parseFault('kill-broker:broker-1@50s')).to.throw(
      RangeError,
      /takes no target\. --seed determines/,
    );
    expect(() => parseFault('kill-host@50s:5s')).to.throw(RangeError, /kill-host takes no duration/);
  });
});

describe('Parsing a time', () => {
  it('reads a number with ms, s or m', () => {
    expect(['500ms', '2.5s', '3m', '0s'].map(parseDurationMs)).to.deep.equal([500, 2_500, 180_000, 0]);
    for (const text of ['', '5', 's', '-1s', '1h', '1.2.3s', '1e3s', ' 1s']) {
      expect(parseDurationMs(text), text).to.equal(undefined);
    }
  });

  it('prints at most three digits', () => {
    expect([0.1234, 4.5678, 43.21, 430.4, 2_500, 12_345].map(formatDuration)).to.deep.equal([
      ...['0.123 ms', '4.57 ms', '43.2 ms', '430 ms', '2.5 s', '12 s'],
    ]);
  });
});
