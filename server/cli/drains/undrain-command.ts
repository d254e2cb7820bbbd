import { Argument, type Command } from 'commander';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from '../fleet/operator-client.js';
import { TARGET_KINDS, describeTarget, parseTarget, type TargetKind } from '../arguments/target-argument.js';

interface UndrainOptions extends OperatorOptions {
  readonly json?: true;
}

const EXAMPLES = `
NAME is REGION, REGION/POOL or REGION/POOL/HOST: the same target as in the order to drain.

The token needs the scope ops:write. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ export DUSKLINE_TOKEN="$(duskline token --operator me --scope "ops:read ops:write")"
  $ duskline undrain region eu-west
  $ duskline undrain host eu-west/console-x/host-1`;

/** Adds `duskline undrain`, which opens a drained target again, or cancels a drain that runs. */
export function addUndrainCommand(program: Command): void {
  const command = program
    .command('undrain')
    .summary('open a drained region, pool or host again')
    .description(
      'Opens a drained region, pool or host to new sessions again. A drain that still runs is cancelled.',
    )
    .addArgument(new Argument('<kind>', 'kind of target').choices(TARGET_KINDS))
    .argument('<name>', 'name of the target');
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (kind: TargetKind, name: string, options: UndrainOptions) => {
      const target = parseTarget(kind, name);
      const report = await createOperatorClient(options).post<DrainReport>('/v1/undrain', { target });
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(report)}\n`
          : `${describeTarget(target)} takes new sessions again, unless another drain or cordon keeps it closed.\n`,
      );
    });
}
