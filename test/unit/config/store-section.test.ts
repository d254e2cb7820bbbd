import type { RedisConfig } from '@duskline/server/config/config.js';
import type { FileReader } from '@duskline/server/config/file-reader.js';
import { expect } from 'chai';
import { ENV, load, mistakesOf, validDocument } from './valid-config.js';

const FILES: Record<string, string> = {
  'ca.pem': '-----BEGIN CERTIFICATE-----\nca',
  'cert.pem': '-----BEGIN CERTIFICATE-----\ncert',
  'key.pem': '-----BEGIN PRIVATE KEY-----\nkey',
};
const readFile: FileReader = (path) => {
  const text = FILES[path];
  return text === undefined ? { ok: false, problem: 'cannot be read (ENOENT)' } : { ok: true, text };
};

function storeWith(redis: object, env = ENV): RedisConfig {
  const { store } = load({ ...validDocument(), store: { redis } }, env, readFile);
  if (store.kind !== 'redis') throw new Error('expected a Redis store');
  return store;
}

function mistakesWith(redis: unknown): string[] {
  return mistakesOf({ ...validDocument(), store: { redis } }, ENV, readFile);
}

describe('configuration of the store', () => {
  it('reads one Redis', () => {
    expect(storeWith({ url: 'redis://redis.example.com:6380/3', username: 'broker' })).to.deep.equal({
      kind: 'redis',
      topology: { kind: 'single', host: 'redis.example.com', port: 6380, database: 3 },
      username: 'broker',
      password: null,
      tls: null,
    });
    expect(storeWith({ url: 'redis://[::1]' }).topology).to.deep.equal({
      kind: 'single',
      host: '::1',
      port: 6379,
      database: 0,
    });
  });

  it('enables TLS by the scheme, with the given certificates', () => {
    expect(storeWith({ url: 'rediss://r' }).tls).to.deep.equal({
      ca: null,
      cert: null,
      key: null,
      serverName: null,
    });
    const tls = { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem', serverName: 'redis.internal' };
    const read = storeWith({ url: 'rediss://r', tls }).tls;
    expect(read).to.include({ ca: FILES['ca.pem'], cert: FILES['cert.pem'], serverName: 'redis.internal' });
    expect(read?.key?.reveal()).to.equal(FILES['key.pem']);
  });

  it('reads a cluster', () => {
    expect(storeWith({ cluster: { nodes: ['r1:7000', '[fd00::1]:7001'] }, tls: {} })).to.deep.include({
      topology: {
        kind: 'cluster',
        nodes: [
          { host: 'r1', port: 7000 },
          { host: 'fd00::1', port: 7001 },
        ],
      },
      tls: { ca: null, cert: null, key: null, serverName: null },
    });
  });

  it('reads Sentinels', () => {
    expect(storeWith({ sentinel: { name: 'main', nodes: ['s1:26379'] } }).topology).to.deep.equal({
      kind: 'sentinel',
      name: 'main',
      nodes: [{ host: 's1', port: 26_379 }],
    });
  });

  it('takes the password from the environment', () => {
    const store = storeWith({ url: 'redis://r' }, { ...ENV, DUSKLINE_REDIS_PASSWORD: 'hunter2' });
    expect(store.password?.reveal()).to.equal('hunter2');
  });

  it('requires exactly one of url, cluster and sentinel', () => {
    const sentinel = { name: 'main', nodes: ['s1:26379'] };
    expect(mistakesWith({})).to.deep.equal([
      'store.redis: needs exactly one of url, cluster and sentinel; has none',
    ]);
    expect(mistakesWith({ url: 'redis://r', sentinel })).to.deep.equal([
      'store.redis: needs exactly one of url, cluster and sentinel; has url and sentinel',
    ]);
    expect(mistakesWith(null)).to.include('store.redis: must be a map of keys');
  });

  const badUrls: [string, string][] = [
    ['http://r', 'must be redis://host:port/database, or rediss:// for TLS'],
    ['redis:', 'must be redis://host:port/database, or rediss:// for TLS'],
    ['r:6379', 'must be redis://host:port/database, or rediss:// for TLS'],
    [
      'redis://:hunter2@r',
      'must not contain a user or a password: set store.redis.username and DUSKLINE_REDIS_PASSWORD',
    ],
    ['redis://r/zero', 'must end with a database number, or nothing'],
    ['redis://r?family=6', 'must have no query and no fragment'],
  ];
  for (const [url, message] of badUrls) {
    it(`refuses ${url.replace('hunter2', '…')}`, () => {
      expect(mistakesWith({ url })).to.deep.equal([`store.redis.url: ${message}`]);
    });
  }

  it('refuses TLS settings for an unencrypted connection', () => {
    expect(mistakesWith({ url: 'redis://r', tls: { caFile: 'ca.pem' } })).to.deep.equal([
      'store.redis.url: must begin with rediss:// if store.redis.tls is set',
    ]);
  });

  it('refuses bad addresses', () => {
    const mistakes = mistakesWith({
      cluster: { nodes: ['r1:7000', 'r1:7000', 'r2', 'r3:0', 'r4:65536', 'u@r:1'] },
    });
    expect(mistakes.map((mistake) => mistake.split(':')[0])).to.have.members([
      'store.redis.cluster.nodes[1]',
      'store.redis.cluster.nodes[2]',
      'store.redis.cluster.nodes[3]',
      'store.redis.cluster.nodes[4]',
      'store.redis.cluster.nodes[5]',
    ]);
  });

  it('refuses certificates that are missing, incomplete or invalid', () => {
    expect(mistakesWith({ url: 'rediss://r', tls: { certFile: 'cert.pem' } })).to.deep.equal([
      'store.redis.tls: needs certFile and keyFile together, or neither',
    ]);
    const tls = { caFile: 'gone.pem', certFile: 'key.pem', keyFile: 'cert.pem' };
    expect(mistakesWith({ url: 'rediss://r', tls })).to.have.members([
      'store.redis.tls.caFile: cannot be read (ENOENT)',
      'store.redis.tls.certFile: contains no certificate in PEM',
      'store.redis.tls.keyFile: contains no private key in PEM',
    ]);
  });
});
