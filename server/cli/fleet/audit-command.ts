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
The token needs the scope ops:read; it may also stand in DUSKLINE_TOKEN.

Examples:
  $ duskline audit --token "$(duskline token --operator me)"
  $ duskline audit --limit 1000 --json | jq '.entries[] | select(.operatorId == "olivia")'`;

/** Adds `duskline audit`: who ordered what, when, from where, and what came of it. */
export function addAuditCommand(program: Command): void {
  const command = program
    .command('audit')
    .summary('show the orders of operators')
    .description('Shows the latest orders of operators, refused ones too, the newest first.')
    .option('--limit <count>', 'how many', wholeNumberArgument(1, 1_000), 100);
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

/** Every order in a line of a table. */
export function renderAudit(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'No operator has ordered anything yet.\n';
  const rows = entries.map((entry) => [
    // The same on every terminal, and as it stands in logs.
    new Date(entry.atMs).toISOString(),
    entry.operatorId,
    entry.from,
    entry.action,
    describeTarget(entry.target),
    entry.result,
    entry.details,
  ]);
  return renderTable(['at', 'operator', 'from', 'order', 'target', 'result', 'details'], rows);
}
