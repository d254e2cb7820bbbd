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
Columns:
  at       end of the move, by the store's clock
  from     host of the session before the move, as REGION/POOL/HOST
  to       target host; without HOST if no host was found
  cause    hot_host: the host was overloaded
           make_room: waiting players could be served by no other host
           drain: the host is being drained
  outcome  moved, or failed: the session stayed on its host
           unclaimed: the player had not connected to the host yet
  took     duration of the move
  why      reason for the move; for a failed move the side that failed and its reason: source and target are the two
           hosts, client is the player, store means that the slot was taken meanwhile or the store was unreachable

The token needs the scope ops:read. Give it with --token or in DUSKLINE_TOKEN.

Examples:
  $ duskline moves --token "$(duskline token --operator me)"
  $ duskline moves --limit 20
  $ duskline moves --limit 1000 --json | jq '.moves[] | select(.outcome == "failed") | .failure'`;

/** Adds `duskline moves`, which lists moves of sessions to other hosts, with cause and outcome. */
export function addMovesCommand(program: Command): void {
  const command = program
    .command('moves')
    .summary('show moves of sessions to other hosts')
    .description(
      'Shows the latest moves of sessions from host to host, including failed moves. The newest comes first.',
    )
    .option('--limit <count>', 'number of moves to show', wholeNumberArgument(1, 1_000), 100);
  addOperatorOptions(command)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: MovesOptions) => {
      const client = createOperatorClient(options);
      const answer = await client.get<{ moves: MoveEntry[] }>(`/v1/moves?limit=${options.limit}`);
      process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : renderMoves(answer.moves));
    });
}
