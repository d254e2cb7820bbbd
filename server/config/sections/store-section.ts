import { isIP } from 'node:net';
import type { RedisAddress, RedisTls, RedisTopology, StoreConfig } from '../config.js';
import type { FileReader } from '../file-reader.js';
import type { Path, Report } from '../config-error.js';
import { Secret } from '../secret.js';
import { readRedisPassword, type Environment } from '../secrets.js';
import { listOf, mapOf, textOf } from '../unvalidated-values.js';

/** Sources of secrets and certificate files. */
export interface StoreSources {
  readonly env: Environment;
  readonly readFile: FileReader;
}

const REDIS: Path = ['store', 'redis'];
const DEFAULT_PORT = 6379;
const TOPOLOGIES = ['url', 'cluster', 'sentinel'] as const;

/**
 * Checks section `store` and reads its secrets and certificates. Violations of the schema are not reported here.
 *
 * @returns `null` after a mistake
 */
export function resolveStore(section: unknown, sources: StoreSources, report: Report): StoreConfig | null {
  const store = mapOf(section);
  if (store['redis'] === undefined) return { kind: 'memory' };
  const redis = mapOf(store['redis']);

  const given = TOPOLOGIES.filter((kind) => redis[kind] !== undefined);
  if (given.length !== 1) {
    report(REDIS, `needs exactly one of url, cluster and sentinel; has ${given.join(' and ') || 'none'}`);
  }
  const tls = redis['tls'] === undefined ? null : resolveTls(mapOf(redis['tls']), sources.readFile, report);
  const kind = given[0];
  const username = textOf(redis['username']);
  const password = readRedisPassword(sources.env);
  if (kind === undefined) return null;
  switch (kind) {
    case 'url': {
      const read = readUrl(textOf(redis['url']), tls !== null, report);
      if (read === null) return null;
      const { topology, encrypted } = read;
      return { kind: 'redis', topology, username, password, tls: encrypted ? (tls ?? PLAIN_TLS) : null };
    }
    case 'cluster': {
      const nodes = readNodes(mapOf(redis['cluster'])['nodes'], [...REDIS, 'cluster', 'nodes'], report);
      return { kind: 'redis', topology: { kind: 'cluster', nodes }, username, password, tls };
    }
    case 'sentinel': {
      const sentinel = mapOf(redis['sentinel']);
      const nodes = readNodes(sentinel['nodes'], [...REDIS, 'sentinel', 'nodes'], report);
      const topology: RedisTopology = { kind: 'sentinel', name: textOf(sentinel['name']) ?? '', nodes };
      return { kind: 'redis', topology, username, password, tls };
    }
  }
}

const PLAIN_TLS: RedisTls = { ca: null, cert: null, key: null, serverName: null };

interface ReadUrl {
  readonly topology: RedisTopology;
  readonly encrypted: boolean;
}

function readUrl(text: string | null, hasTls: boolean, report: Report): ReadUrl | null {
  const path = [...REDIS, 'url'];
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    report(path, 'must be redis://host:port/database, or rediss:// for TLS');
    return null;
  }
  const encrypted = url.protocol === 'rediss:';
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (url.username !== '' || url.password !== '') {
    report(
      path,
      'must not contain a user or a password: set store.redis.username and DUSKLINE_REDIS_PASSWORD',
    );
  }
  if (database === undefined) report(path, 'must end with a database number, or nothing');
  if (url.search !== '' || url.hash !== '') report(path, 'must have no query and no fragment');
  if (hasTls && !encrypted) report(path, 'must begin with rediss:// if store.redis.tls is set');
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const host = withoutBrackets(url.hostname);
  return { topology: { kind: 'single', host, port, database: Number(database ?? 0) }, encrypted };
}

function readNodes(list: unknown, path: Path, report: Report): readonly RedisAddress[] {
  const seen = new Set<string>();
  return listOf(list).flatMap((item, index) => {
    const colon = typeof item === 'string' ? item.lastIndexOf(':') : -1;
    if (typeof item !== 'string' || colon < 1) return [];
    const port = Number(item.slice(colon + 1));
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      report([...path, index], 'must end with a port from 1 to 65535');
    }
    if (seen.has(item)) report([...path, index], `${item} occurs twice`);
    seen.add(item);
    return [{ host: withoutBrackets(item.slice(0, colon)), port }];
  });
}

function resolveTls(
  section: Readonly<Record<string, unknown>>,
  readFile: FileReader,
  report: Report,
): RedisTls {
  const read = (key: 'caFile' | 'certFile' | 'keyFile', label: string): string | null => {
    const file = textOf(section[key]);
    if (file === null) return null;
    const path = [...REDIS, 'tls', key];
    const result = readFile(file);
    if (!result.ok) report(path, result.problem);
    else if (!result.text.includes(`${label}-----`))
      report(path, `contains no ${label.toLowerCase()} in PEM`);
    return result.ok ? result.text : null;
  };
  if ((section['certFile'] === undefined) !== (section['keyFile'] === undefined)) {
    report([...REDIS, 'tls'], 'needs certFile and keyFile together, or neither');
  }
  const key = read('keyFile', 'PRIVATE KEY');
  return {
    ca: read('caFile', 'CERTIFICATE'),
    cert: read('certFile', 'CERTIFICATE'),
    key: key === null ? null : new Secret(key),
    serverName: textOf(section['serverName']),
  };
}

function withoutBrackets(host: string): string {
  const inner = host.replace(/^\[(.*)\]$/, '$1');
  return isIP(inner) === 6 ? inner : host;
}
