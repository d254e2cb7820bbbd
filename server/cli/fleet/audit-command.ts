import { toUnixMs } from '../../domain/store-time.js';
import type { Command } from 'commander';
import type { AuditEntry } from '../../domain/audit-entry.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from './operator-client.js';
import { describeTarget } from '../arguments/target-argument.js';
import { renderTable } from '../output/text-table.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

interface AuditOptions extends OperatorOptions {
  readonly limit: number;
  readonly json?: true;
}

const EXAMPLES = `
The token needs the scope ops:read. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ duskline audit --token "$(duskline token --operator me)"
  $ duskline audit --limit 1000 --json | jq '.entries[] | select(.operatorId == "olivia")'`;

/** Adds `duskline audit`, which lists the orders of operators with their origin and result. */
export function addAuditCommand(program: Command): void {
  const command = program
    .command('audit')
    .summary('show the orders of operators')
    .description('Shows the latest orders of operators, including refused orders. The newest comes first.')
    .option('--limit <count>', 'number of orders to show', wholeNumberArgument(1, 1_000), 100);
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: AuditOptions) => {
      const client = createOperatorClient(options);
      const answer = await client.get<{ entries: AuditEntry[] }>(`/v1/audit?limit=${options.limit}`);
      process.stdout.write(
        options.json === true ? `${JSON.stringify(answer)}\n` : renderAudit(answer.entries),
      );
    });
}

/** A table with a line for each order. */
export function renderAudit(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'There are no orders of operators yet.\n';
  const rows = entries.map((entry) => [
    // In UTC, as in logs.
    new Date(toUnixMs(entry.atMs)).toISOString(),
    entry.operatorId,
    entry.from,
    entry.action,
    describeTarget(entry.target),
    entry.result,
    entry.details,
  ]);
  return renderTable(['at', 'operator', 'from', 'order', 'target', 'result', 'details'], rows);
}
