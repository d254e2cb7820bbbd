import type { Command } from 'commander';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from '../fleet/operator-client.js';
import { renderDrains } from './render-drains.js';

interface DrainsOptions extends OperatorOptions {
  readonly json?: true;
}

const EXAMPLES = `
The columns at the end count sessions by outcome:
  staying    still on the target
  left       their players left
  moved      moved to other hosts (see duskline moves)
  ended      ended at the deadline
  remaining  kept running after the deadline (--at-deadline keep)

The token needs the scope ops:read. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ duskline drains --token "$(duskline token --operator me)"
  $ duskline drains --json | jq '.drains[] | select(.state == "running") | .progress'`;

/** Adds `duskline drains`, which lists drains that run and drains that are done. */
export function addDrainsCommand(program: Command): void {
  const command = program
    .command('drains')
    .summary('show drains and their progress')
    .description('Shows the latest drain of each region, pool and host. Drains that run come first.');
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: DrainsOptions) => {
      const answer = await createOperatorClient(options).get<{ drains: DrainReport[] }>('/v1/drains');
      process.stdout.write(
        options.json === true ? `${JSON.stringify(answer)}\n` : renderDrains(answer.drains, Date.now()),
      );
    });
}
