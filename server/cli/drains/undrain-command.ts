import { Argument, type Command } from 'commander';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from '../fleet/operator-client.js';
import { TARGET_KINDS, describeTarget, parseTarget, type TargetKind } from '../arguments/target-argument.js';

interface UndrainOptions extends OperatorOptions {
  readonly json?: true;
}

const EXAMPLES = `
NAME is REGION, REGION/POOL or REGION/POOL/HOST, as it was when the drain was ordered.

The token needs the scope ops:write; it may also stand in DUSKLINE_TOKEN.

Examples:
  $ export DUSKLINE_TOKEN="$(duskline token --operator me --scope "ops:read ops:write")"
  $ duskline undrain region eu-west
  $ duskline undrain host eu-west/console-x/host-1`;

/** Adds `duskline undrain`: opens again what was drained, or is being drained. */
export function addUndrainCommand(program: Command): void {
  const command = program
    .command('undrain')
    .summary('open a drained region, pool or host again')
    .description('Opens a region, pool or host again that was drained, or is being drained.')
    .addArgument(new Argument('<kind>', 'what to open').choices(TARGET_KINDS))
    .argument('<name>', 'its name');
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (kind: TargetKind, name: string, options: UndrainOptions) => {
      const target = parseTarget(kind, name);
      const report = await createOperatorClient(options).post<DrainReport>('/v1/undrain', { target });
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(report)}\n`
          : `${describeTarget(target)} takes new sessions again, where no other order keeps it closed.\n`,
      );
    });
}
