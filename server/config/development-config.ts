import { randomBytes } from 'node:crypto';
import type { Config } from './config.js';
import { loadConfig } from './load-config.js';
import { AUTH_SECRET, TICKET_MASTER_KEY, type Environment } from './secrets.js';
import type { Override } from './yaml-source.js';

/** The configuration that `duskline serve` uses when it is given no file: the text of `examples/duskline.yaml`. */
export const DEVELOPMENT_CONFIG_TEXT = `# An example fleet on six continents, as a start for your own configuration.
# docs/run/configuration.md describes every key, its unit and its default. Secrets come from the environment only.
version: 1

regions:
  - { region: eu-west, name: Ireland, lat: 53.35, lon: -6.26, timeZone: Europe/Dublin }
  - { region: eu-central, name: Frankfurt, lat: 50.11, lon: 8.68, timeZone: Europe/Berlin }
  - { region: us-east, name: Virginia, lat: 39.04, lon: -77.49, timeZone: America/New_York }
  - { region: us-west, name: Oregon, lat: 45.84, lon: -119.7, timeZone: America/Los_Angeles }
  - { region: sa-east, name: São Paulo, lat: -23.55, lon: -46.63, timeZone: America/Sao_Paulo }
  - { region: ap-northeast, name: Tokyo, lat: 35.68, lon: 139.69, timeZone: Asia/Tokyo }
  - { region: ap-southeast, name: Sydney, lat: -33.87, lon: 151.21, timeZone: Australia/Sydney }
  - { region: af-south, name: Johannesburg, lat: -26.2, lon: 28.05, timeZone: Africa/Johannesburg }

pools:
  - pool: console-x
    platform: console
    codecs: [hevc, h264]
    maxResolution: 2160p
    maxFps: 60
    titles: [starfall, apex-drift, night-harbor, paper-kingdom]
  - pool: console-s
    platform: console
    codecs: [hevc, h264]
    maxResolution: 1080p
    maxFps: 60
    titles: [starfall, night-harbor, paper-kingdom]
  - pool: pc-ultra
    platform: pc
    codecs: [av1, hevc, h264]
    maxResolution: 1440p
    maxFps: 120
    titles: [starfall, apex-drift, iron-circuit, hollow-crown]

titles:
  - { title: starfall, name: Starfall, latencyPolicy: standard }
  - { title: apex-drift, name: Apex Drift, latencyPolicy: fast }
  - { title: iron-circuit, name: Iron Circuit, latencyPolicy: fast }
  - { title: night-harbor, name: Night Harbor, latencyPolicy: standard }
  - { title: hollow-crown, name: Hollow Crown, latencyPolicy: standard }
  - { title: paper-kingdom, name: Paper Kingdom, latencyPolicy: relaxed }

# The highest round-trip time between player and region, which rises while the player waits.
latencyPolicies:
  fast:
    - { afterMs: 0, maxRttMs: 40 }
    - { afterMs: 30000, maxRttMs: 60 }
    - { afterMs: 60000, maxRttMs: 90 }
  standard:
    - { afterMs: 0, maxRttMs: 60 }
    - { afterMs: 20000, maxRttMs: 90 }
    - { afterMs: 40000, maxRttMs: 120 }
  relaxed:
    - { afterMs: 0, maxRttMs: 100 }
    - { afterMs: 15000, maxRttMs: 180 }

# Tiers of players, by the claim \`tier\` of their tokens. Players without the claim have the tier \`default\`.
tiers:
  default: { idleMs: 900000, maxLengthMs: 14400000 }
  premium: { headStartMs: 120000, idleMs: 1800000, warnBeforeMs: [600000, 300000, 60000] }

# Tokens are signed with DUSKLINE_AUTH_SECRET. For production, prefer ES256 or RS256 with jwksUrl.
auth:
  algorithms: [HS256]

# Without \`redis\` the broker keeps the state of the fleet in memory: there can be only one broker, and a restart loses it.
store: {}
#  redis: { url: redis://127.0.0.1:6379 }

listen:
  host: 127.0.0.1
  port: 8080

log:
  level: info
`;

/**
 * Returns the environment with random secrets for those that are not set. For development only: brokers with different
 * secrets cannot share a fleet, and tokens become invalid when the process ends.
 */
export function withDevelopmentSecrets(env: Environment): Environment {
  const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  const missing = [AUTH_SECRET, TICKET_MASTER_KEY].filter((name) => !isSet(name));
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, randomBytes(48).toString('base64')])) };
}

/**
 * The example configuration, with random secrets for those that are not set.
 *
 * @throws ConfigError when a secret that is set, or an override, is not valid
 */
export function developmentConfig(env: Environment, overrides: readonly Override[] = []): Config {
  return loadConfig({ text: DEVELOPMENT_CONFIG_TEXT, env: withDevelopmentSecrets(env), overrides });
}
