import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailure } from '@duskline/server/cli/output/command-failure.js';
import {
  parseRunOptions,
  type LoadTestCommandOptions,
} from '@duskline/server/cli/loadtest/parse-run-options.js';
import { expect } from 'chai';

const SECRET = { DUSKLINE_AUTH_SECRET: 'a secret of the tests, long enough for HS256' };
const URL_TARGET = { url: ['ws://127.0.0.1:1'], title: 'starfall' };

function options(more: Partial<LoadTestCommandOptions>): LoadTestCommandOptions {
  return {
    ...{ regions: 6, driver: 'sdk', workers: 1, slots: 20, clients: 5_000, rate: 500 },
    ...{ profile: 'steady', duration: '30s', seed: 1, saturationP99: '250ms', movable: 100, device: 'tv' },
    ...{ codecs: ['hevc'], resolution: '1080p' },
    ...more,
  };
}

function failureOf(more: Partial<LoadTestCommandOptions>, env: Record<string, string> = {}): string {
  try {
    parseRunOptions(options(more), env);
  } catch (error) {
    if (error instanceof CommandFailure) return error.message;
    throw error;
  }
  throw new Error('nothing was wrong with it');
}

describe('The options of duskline loadtest', () => {
  it('describe a run with brokers of its own', () => {
    const run = parseRunOptions(
      options({
        ...{ spawn: 2, limit: ['lostAfterMs=5000'], session: '2s' },
        fault: ['kill-host@1s,kill-broker@2s', 'drain:eu-west@3s'],
        assert: ['match.p99<50'],
      }),
      {},
    );
    expect(run.system).to.deep.include({
      kind: 'spawn',
      brokers: 2,
      regions: 6,
      limits: { lostAfterMs: 5_000 },
    });
    expect(run).to.include({ hosts: 200, durationMs: 30_000, sessionMs: 2_000, connectPerSecond: 200 });
    expect(run.faults.map(({ kind }) => kind)).to.deep.equal(['kill-host', 'kill-broker', 'drain']);
    expect(run.assertions).to.have.length(1);
  });

  it('describe a run against existing brokers: with hosts only if pool and secret are given', () => {
    expect(parseRunOptions(options(URL_TARGET), SECRET)).to.include({ hosts: 0 });
    expect(parseRunOptions(options({ ...URL_TARGET, pool: 'console-x' }), SECRET)).to.include({ hosts: 200 });
    expect(failureOf({ ...URL_TARGET, hosts: 5 }, SECRET)).to.match(/To simulate hosts, give their --pool/);
  });

  it('read player tokens from a file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'duskline-tokens-'));
    const tokenFile = join(directory, 'tokens');
    writeFileSync(tokenFile, 'one\n\n two \n');
    expect(parseRunOptions(options({ ...URL_TARGET, tokenFile }), {}).system).to.deep.include({
      playerTokens: ['one', 'two'],
    });
    rmSync(directory, { recursive: true });
  });

  it('are refused when they would have no effect', () => {
    const written = (name: string, more: Partial<LoadTestCommandOptions>): string => {
      try {
        parseRunOptions(options({ spawn: 1, ...more }), SECRET, new Set([name]));
      } catch (error) {
        return String(error);
      }
      return '';
    };
    expect(written('saturation-p99', {})).to.match(
      /--saturation-p99 has no effect here: it needs --profile step/,
    );
    expect(written('saturation-p99', { profile: 'step' })).to.equal('');
    expect(written('rate', { profile: 'storm' })).to.match(/--rate has no effect here/);
    expect(written('rate', {})).to.equal('');
    expect(written('slots', { hosts: 0 })).to.match(/--slots has no effect here/);
    expect(() => parseRunOptions(options(URL_TARGET), SECRET, new Set(['regions']))).to.throw(/--regions/);
  });

  it('set the share of players whose sessions can move', () => {
    expect(parseRunOptions(options({ spawn: 1 }), {})).to.include({ movableShare: 1 });
    expect(parseRunOptions(options({ spawn: 1, movable: 25 }), {})).to.include({ movableShare: 0.25 });
  });

  it('are refused when they are incomplete or contradictory', () => {
    expect(failureOf({})).to.match(/give --spawn 1 to start a broker for the run/);
    expect(failureOf({ url: ['ws://127.0.0.1:1'] })).to.match(/--url needs --title/);
    expect(failureOf({ ...URL_TARGET, url: ['127.0.0.1:80'] }, SECRET)).to.match(
      /--url 127.* must have the form ws:/,
    );
    expect(failureOf(URL_TARGET)).to.match(/set DUSKLINE_AUTH_SECRET .*--token-file/);
    expect(failureOf({ ...URL_TARGET, tokenFile: '/nowhere' })).to.match(/^\/nowhere cannot be read/);
    expect(failureOf(URL_TARGET, { DUSKLINE_AUTH_SECRET: 'xyz' })).to.match(
      /DUSKLINE_AUTH_SECRET has 3 bytes/,
    );
    expect(failureOf({ ...URL_TARGET, spawn: 1 }, SECRET)).to.match(/cannot be used with --url/);
    expect(failureOf({ spawn: 1, title: 'starfall' })).to.match(/need --url/);
    expect(failureOf({ spawn: 1, fault: ['explode@3s'] })).to.match(/"explode@3s" is not a fault/);
    expect(failureOf({ spawn: 1, assert: ['luck>1'] })).to.match(/there is no figure luck/);
    expect(failureOf({ spawn: 1, duration: 'long' })).to.match(/--duration long is not valid\. Give a time/);
    expect(failureOf({ spawn: 1, limit: ['lostAfterMs'] })).to.match(
      /--limit lostAfterMs is not valid\. Give a key/,
    );
  });
});
