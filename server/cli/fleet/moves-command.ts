import type { Command } from 'commander';
import type { MoveEntry } from '../../domain/move-entry.js';
import { addOperatorOptions, createOperatorClient, type OperatorOptions } from './operator-client.js';
import { renderMoves } from './render-moves.js';
import { wholeNumberArgument } from '../arguments/whole-number.js';

interface MovesOptions extends OperatorOptions {
  readonly limit: number;
  readonly json?: true;
}

const EXAMPLES = `
at       when the move was over, by the store's clock
from     where the session was; to: where it was to go, REGION/POOL/HOST, without the host when none was found
cause    hot_host: its host had too much to do; make_room: others waited who could be served nowhere else; drain: its host is
         being drained
outcome  moved, or failed: it goes on where it was. Unclaimed: its player had not come to the host yet
took     from the beginning of the move to its end
why      why it was moved; of a failed move who kept it, and why: source and target are its two hosts, client is the
         player's, store is the brokers' own part, such as a slot that was taken meanwhile

The token needs the scope ops:read; it may also stand in DUSKLINE_TOKEN.

Examples:
  $ duskline moves --token "$(duskline token --operator me)"
  $ duskline moves --limit 20
  $ duskline moves --limit 1000 --json | jq '.moves[] | select(.outcome == "failed") | .failure'`;

/** Adds `duskline moves`: which sessions were moved to other hosts, why, and what came of it. */
export function addMovesCommand(program: Command): void {
  const command = program
    .command('moves')
    .summary('show sessions that were moved')
    .description(
      'Shows the latest moves of sessions from host to host, those that failed too, the newest first.',
    )
    .option('--limit <count>', 'how many', wholeNumberArgument(1, 1_000), 100);
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: MovesOptions) => {
      const client = createOperatorClient(options);
      const answer = await client.get<{ moves: MoveEntry[] }>(`/v1/moves?limit=${options.limit}`);
      process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : renderMoves(answer.moves));
    });
}
