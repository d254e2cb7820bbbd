import { randomBytes } from 'node:crypto';
import type { Config } from '@duskline/server/config/config.js';
import type { FileReader } from '@duskline/server/config/file-reader.js';
import { loadConfig } from '@duskline/server/config/load-config.js';
import { ConfigError } from '@duskline/server/config/config-error.js';
import type { Environment } from '@duskline/server/config/secrets.js';
import { stringify } from 'yaml';

/** Secrets of sufficient length. */
export const ENV: Environment = {
  DUSKLINE_AUTH_SECRET: randomBytes(48).toString('base64'),
  DUSKLINE_TICKET_MASTER_KEY: randomBytes(48).toString('base64'),
};

/** A small document without mistakes. Tests change it. */
export function validDocument(): {
  version: unknown;
  regions: Record<string, unknown>[];
  pools: (Record<string, unknown> & { titles: unknown[]; codecs: unknown[] })[];
  titles: Record<string, unknown>[];
  latencyPolicies: Record<string, { afterMs: unknown; maxRttMs: unknown }[]>;
  auth: Record<string, unknown>;
  limits: Record<string, unknown>;
  store: Record<string, unknown>;
  [key: string]: unknown;
} {
  return {
    version: 1,
    regions: [
      { region: 'eu-west', name: 'Ireland', lat: 53.35, lon: -6.26, timeZone: 'Europe/Dublin' },
      { region: 'us-east', name: 'Virginia', lat: 39.04, lon: -77.49, timeZone: 'America/New_York' },
    ],
    pools: [
      {
        pool: 'console-x',
        platform: 'console',
        codecs: ['hevc', 'h264'],
        maxResolution: '2160p',
        maxFps: 60,
        titles: ['starfall'],
      },
    ],
    titles: [{ title: 'starfall', name: 'Starfall', latencyPolicy: 'standard' }],
    latencyPolicies: {
      standard: [
        { afterMs: 0, maxRttMs: 60 },
        { afterMs: 20_000, maxRttMs: 90 },
      ],
    },
    auth: { algorithms: ['HS256'] },
    limits: {},
    store: {},
  };
}

const noFiles: FileReader = () => ({ ok: false, problem: 'cannot be read (ENOENT)' });

/** Loads a document. */
export function load(document: object, env: Environment = ENV, readFile: FileReader = noFiles): Config {
  return loadConfig({ text: stringify(document), env, readFile });
}

/** Every mistake as `path: message`; empty for a valid document. */
export function mistakesOf(
  document: object | string,
  env: Environment = ENV,
  readFile: FileReader = noFiles,
): string[] {
  try {
    const text = typeof document === 'string' ? document : stringify(document);
    loadConfig({ text, env, readFile });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ path, message }) => `${path}: ${message}`);
  }
}
