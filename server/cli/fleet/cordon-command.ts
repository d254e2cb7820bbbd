import { Argument, type Command } from 'commander';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from './operator-client.js';
import { describeTarget, parseTarget } from '../arguments/target-argument.js';

const EXAMPLES = `
NAME is REGION/POOL/HOST.

The token needs the scope ops:write. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ export DUSKLINE_TOKEN="$(duskline token --operator me --scope "ops:read ops:write")"
  $ duskline cordon host eu-west/console-x/host-1
  $ duskline uncordon host eu-west/console-x/host-1`;

const COMMANDS = {
  cordon: {
    summary: 'close a host to new sessions',
    description: 'Closes a host to new sessions. Its sessions go on until their players leave.',
    done: 'takes no new sessions. Its sessions go on.',
  },
  uncordon: {
    summary: 'open a cordoned host',
    description: 'Opens a cordoned host to new sessions.',
    done: 'takes new sessions again, unless a drain keeps it closed.',
  },
} as const;

/** Adds `duskline cordon`, which closes a host to new sessions. */
export function addCordonCommand(program: Command): void {
  addHostOrder(program, 'cordon');
}

/** Adds `duskline uncordon`, which opens a cordoned host again. */
export function addUncordonCommand(program: Command): void {
  addHostOrder(program, 'uncordon');
}

function addHostOrder(program: Command, name: keyof typeof COMMANDS): void {
  const { summary, description, done } = COMMANDS[name];
  const command = program
    .command(name)
    .summary(summary)
    .description(description)
    .addArgument(new Argument('<kind>', 'kind of target').choices(['host']))
    .argument('<name>', 'name of the host');
  addOperatorOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (_kind: 'host', hostName: string, options: OperatorOptions) => {
      const target = parseTarget('host', hostName);
      await createOperatorClient(options).post(`/v1/${name}`, { target });
      process.stdout.write(`${describeTarget(target)} ${done}\n`);
    });
}
