import type { Command } from 'commander';
import { AUTH_SECRET } from '../../config/secrets.js';
import { startDuskline } from '../../duskline.js';
import { createLogger } from './create-logger.js';
import { readConfig, type ConfigOptions } from '../arguments/config-arguments.js';
import { waitForSignal } from '../wait-for-signal.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

const EXAMPLES = `
Without --config the broker serves an example fleet, and creates keys that end with its process.
Without --redis it keeps the state of the fleet in memory: there can be only one broker, and a restart loses the state.

The broker reads secrets from the environment: ${AUTH_SECRET}, DUSKLINE_TICKET_MASTER_KEY, DUSKLINE_REDIS_PASSWORD.

Examples:
  $ duskline serve
  $ duskline serve --port 9000 --redis redis://127.0.0.1:6379
  $ duskline serve --config duskline.yaml`;

/** Adds `duskline serve`, which runs a broker until SIGINT or SIGTERM. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .summary('run a broker')
    .description('Runs a broker until SIGINT or SIGTERM.')
    .option('--config <file>', 'configuration file (YAML)')
    .option(
      '--port <port>',
      'port to listen on; 0 takes any free one (default: 8080)',
      wholeNumberArgument(0, 65_535),
    )
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--redis <url>', 'URL of the Redis that keeps the state, redis:// or rediss://')
    .option(
      '--log-level <level>',
      'least severe level to log: trace, debug, info, warn, error, fatal or silent (default: info)',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: ConfigOptions) => {
      const config = readConfig(options, process.env);
      const log = createLogger(config.log.level);
      if (options.config === undefined && (process.env[AUTH_SECRET] ?? '') === '') {
        log.warn(
          {},
          `${AUTH_SECRET} is not set: this broker accepts no tokens from outside its own process. Set it to a secret of 32 bytes or more`,
        );
      }
      const duskline = await startDuskline({ config, log });
      const signal = await waitForSignal();
      log.info({ signal }, 'stopping');
      await duskline.stop();
    });
}
