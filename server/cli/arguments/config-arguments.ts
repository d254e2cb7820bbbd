import type { Config } from '../../config/config.js';
import { developmentConfig } from '../../config/development-config.js';
import { loadConfigFile } from '../../config/load-config.js';
import type { Override } from '../../config/yaml-source.js';
import type { Environment } from '../../config/secrets.js';

/** Command options that override the configuration. */
export interface ConfigOptions {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly redis?: string;
  readonly logLevel?: string;
}

/**
 * Loads the configuration file, or the development fleet when no file is named, and applies the options to it.
 *
 * @throws ConfigError that lists all mistakes
 */
export function readConfig(options: ConfigOptions, env: Environment): Config {
  const overrides: Override[] = [];
  if (options.port !== undefined) overrides.push({ path: ['listen', 'port'], value: options.port });
  if (options.host !== undefined) overrides.push({ path: ['listen', 'host'], value: options.host });
  if (options.logLevel !== undefined) overrides.push({ path: ['log', 'level'], value: options.logLevel });
  if (options.redis !== undefined) overrides.push({ path: ['store', 'redis', 'url'], value: options.redis });
  return options.config === undefined
    ? developmentConfig(env, overrides)
    : loadConfigFile(options.config, env, overrides);
}
