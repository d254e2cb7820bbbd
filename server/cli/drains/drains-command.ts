import type { Command } from 'commander';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from '../fleet/operator-client.js';
import { renderDrains } from './render-drains.js';

interface DrainsOptions extends OperatorOptions {
  readonly json?: true;
}

const EXAMPLES = `
What became of the sessions: staying are still there; left went by themselves; moved go on elsewhere (duskline moves); ended were ended by the
deadline; remaining were left running by it.

The token needs the scope ops:read; it may also stand in DUSKLINE_TOKEN.

Examples:
  $ duskline drains --token "$(duskline token --operator me)"
  $ duskline drains --json | jq '.drains[] | select(.state == "running") | .progress'`;

/** Adds `duskline drains`: what is being drained, and what was. */
export function addDrainsCommand(program: Command): void {
  const command = program
    .command('drains')
    .summary('show drains and how far they are')
    .description(
      'Shows the latest drain of every region, pool and host that had one; those that run come first.',
    );
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
