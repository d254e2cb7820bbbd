import { Command } from 'commander';
import { addAuditCommand } from './audit-command.js';
import { addCordonCommands } from './cordon-command.js';
import { addDemoCommand } from './demo-command.js';
import { addDrainCommand } from './drain-command.js';
import { addDrainsCommand } from './drains-command.js';
import { describeFailure } from './failure.js';
import { addHostCommand } from './host-command.js';
import { addLoadTestCommand } from './loadtest-command.js';
import { addMovesCommand } from './moves-command.js';
import { addPlayCommand } from './play-command.js';
import { addServeCommand } from './serve-command.js';
import { addStatusCommand } from './status-command.js';
import { addTokenCommand } from './token-command.js';
import { addUndrainCommand } from './undrain-command.js';
import { VERSION } from './version.js';

const program = new Command('duskline')
  .description('A session broker for cloud game streaming.')
  .version(VERSION)
  .showHelpAfterError('(add --help for what it takes)');

addServeCommand(program);
addHostCommand(program);
addPlayCommand(program);
addStatusCommand(program);
addDrainCommand(program);
addUndrainCommand(program);
addDrainsCommand(program);
addMovesCommand(program);
addCordonCommands(program);
addAuditCommand(program);
addTokenCommand(program);
addDemoCommand(program);
addLoadTestCommand(program);

program.parseAsync().then(
  // A command that is done leaves no timer or socket behind; what a library left must not keep the terminal.
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`duskline: ${describeFailure(error)}\n`);
    process.exit(1);
  },
);
