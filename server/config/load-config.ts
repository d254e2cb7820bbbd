import { dirname, resolve } from 'node:path';
import { DEFAULT_LIMITS } from '../domain/limits.js';
import { resolveAuth } from './sections/auth-section.js';
import { DEFAULT_LISTEN, DEFAULT_LOG_LEVEL, type Config } from './config.js';
import type { ConfigDocument } from './document.js';
import { createFileReader, type FileReader } from './file-reader.js';
import { buildCatalog, checkFleet } from './sections/fleet-section.js';
import { resolveIceServers } from './sections/ice-section.js';
import { checkLimits } from './sections/limits-section.js';
import { ConfigError, formatPath, type FoundMistake, type Report } from './config-error.js';
import { buildRebalance } from './sections/rebalance-section.js';
import { findSchemaMistakes } from './schema-mistakes.js';
import { readTicketMasterKey, type Environment } from './secrets.js';
import { resolveStore } from './sections/store-section.js';
import { buildTiers, checkTiers } from './sections/tiers-section.js';
import { mapOf } from './unvalidated-values.js';
import { readYaml, type Override, type YamlSource } from './yaml-source.js';

/** Input of `loadConfig`. */
export interface ConfigSource {
  /** Text of the configuration file (YAML). */
  readonly text: string;
  /** Environment variables with the secrets. */
  readonly env: Environment;
  /** Reads the key files that the text refers to. Default: from disk, relative to the working directory. */
  readonly readFile?: FileReader;
  /** Values that override those of the text. They are validated in the same way. */
  readonly overrides?: readonly Override[];
}

/**
 * Loads a configuration from its text and the environment. Invalid values are mistakes and are never replaced by defaults.
 *
 * @throws ConfigError with all mistakes at once
 */
export function loadConfig(source: ConfigSource): Config {
  const { env, readFile = createFileReader('.'), overrides = [] } = source;
  const yaml = readYaml(source.text, overrides);
  if (yaml.mistakes.length > 0) throw errorOf(yaml.mistakes);

  const found: FoundMistake[] = [...findSchemaMistakes(yaml.value)];
  const report: Report = (path, message) => found.push({ path, message });
  const root = mapOf(yaml.value);
  checkFleet(root, report);
  checkLimits(root['limits'], report);
  checkTiers(root['tiers'], report);
  const iceServers = resolveIceServers(root['iceServers'], env, report);
  const auth = resolveAuth(root['auth'], { env, readFile }, report);
  const store = resolveStore(root['store'], { env, readFile }, report);
  const ticketMasterKey = readTicketMasterKey(env, report);
  if (found.length > 0 || auth === null || store === null || ticketMasterKey === null) {
    throw errorOf(found, yaml);
  }

  const document = yaml.value as ConfigDocument;
  return {
    catalog: buildCatalog(document),
    auth,
    ticketMasterKey,
    limits: { ...DEFAULT_LIMITS, ...document.limits },
    tiers: buildTiers(document.tiers),
    rebalance: buildRebalance(document.rebalance),
    iceServers,
    store,
    listen: { ...DEFAULT_LISTEN, ...document.listen },
    log: { level: document.log?.level ?? DEFAULT_LOG_LEVEL },
  };
}

/**
 * Loads a configuration file. Paths in the file are relative to the file.
 *
 * @throws ConfigError when the file cannot be read, or with all mistakes in it
 */
export function loadConfigFile(file: string, env: Environment, overrides: readonly Override[] = []): Config {
  const path = resolve(file);
  const read = createFileReader('.')(path);
  if (!read.ok) throw new ConfigError([{ path: '', message: `${file} ${read.problem}` }]);
  return loadConfig({ text: read.text, env, overrides, readFile: createFileReader(dirname(path)) });
}

function errorOf(
  found: readonly (FoundMistake & { readonly line?: number })[],
  yaml?: YamlSource,
): ConfigError {
  return new ConfigError(
    found.map(({ path, message, line = yaml?.lineOf(path) }) => ({
      path: formatPath(path),
      message,
      ...(line === undefined ? {} : { line }),
    })),
  );
}
