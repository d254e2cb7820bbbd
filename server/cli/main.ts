import { Command } from 'commander';
import { VERSION } from './version.js';

/**
 * The function that adds each command, in the order of the help. Only the module of the called command is loaded, so that a
 * broker starts without the code of the demo and the load test.
 */
const COMMANDS: ReadonlyMap<string, () => Promise<(program: Command) => void>> = new Map([
  ['serve', async () => (await import('./serve/serve-command.js')).addServeCommand],
  ['host', async () => (await import('./simulate/host-command.js')).addHostCommand],
  ['play', async () => (await import('./simulate/play-command.js')).addPlayCommand],
  ['status', async () => (await import('./fleet/status-command.js')).addStatusCommand],
  ['drain', async () => (await import('./drains/drain-command.js')).addDrainCommand],
  ['undrain', async () => (await import('./drains/undrain-command.js')).addUndrainCommand],
  ['drains', async () => (await import('./drains/drains-command.js')).addDrainsCommand],
  ['moves', async () => (await import('./fleet/moves-command.js')).addMovesCommand],
  ['cordon', async () => (await import('./fleet/cordon-command.js')).addCordonCommand],
  ['uncordon', async () => (await import('./fleet/cordon-command.js')).addUncordonCommand],
  ['audit', async () => (await import('./fleet/audit-command.js')).addAuditCommand],
  ['token', async () => (await import('./tokens/token-command.js')).addTokenCommand],
  ['demo', async () => (await import('./demo/demo-command.js')).addDemoCommand],
  ['loadtest', async () => (await import('./loadtest/loadtest-command.js')).addLoadTestCommand],
]);

async function run(args: readonly string[]): Promise<void> {
  const program = new Command('duskline')
    .description('A session broker for cloud game streaming.')
    .version(VERSION)
    .showHelpAfterError('(add --help to see the options)');
  // The help, and the error for an unknown command, list all commands.
  const called = COMMANDS.get(args[0] ?? '');
  const commands = called === undefined ? [...COMMANDS.values()] : [called];
  const adders = await Promise.all(commands.map((load) => load()));
  for (const add of adders) add(program);
  await program.parseAsync(args, { from: 'user' });
}

run(process.argv.slice(2)).then(
  // Timers or sockets that a library left open must not keep the command running.
  () => process.exit(),
  async (error: unknown) => {
    const { describeFailure } = await import('./output/describe-failure.js');
    process.stderr.write(`duskline: ${describeFailure(error)}\n`);
    process.exit(1);
  },
);
