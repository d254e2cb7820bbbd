import { addAuditCommand } from '@duskline/server/cli/fleet/audit-command.js';
import { addCordonCommand, addUncordonCommand } from '@duskline/server/cli/fleet/cordon-command.js';
import { addDrainCommand } from '@duskline/server/cli/drains/drain-command.js';
import { addDrainsCommand } from '@duskline/server/cli/drains/drains-command.js';
import { addMovesCommand } from '@duskline/server/cli/fleet/moves-command.js';
import { addUndrainCommand } from '@duskline/server/cli/drains/undrain-command.js';
import { MOVE_CAUSES } from '@duskline/server/domain/move-entry.js';
import { expect } from 'chai';
import { Command } from 'commander';

/** Parses a command line that ends with an error or with help. Returns the output. */
async function typed(line: string): Promise<string> {
  let said = '';
  const program = new Command('duskline').exitOverride().configureOutput({
    writeOut: (text) => (said += text),
    writeErr: (text) => (said += text),
  });
  addDrainCommand(program);
  addUndrainCommand(program);
  addDrainsCommand(program);
  addCordonCommand(program);
  addUncordonCommand(program);
  addAuditCommand(program);
  addMovesCommand(program);
  const failure: unknown = await program
    .parseAsync(line.split(' '), { from: 'user' })
    .catch((error: unknown) => error);
  if (!(failure instanceof Error)) throw new Error(`"${line}" went through`);
  return `${said}${failure.message}`;
}

describe('The arguments of orders', () => {
  const mistakes: [string, string][] = [
    ['drain region near', "'--deadline <duration>' not specified"],
    ['drain region near --deadline soon', 'such as 90s, 30m or 2h'],
    ['drain region near --deadline 0s', 'between 1s and 30d'],
    ['drain region near --deadline 31d', 'between 1s and 30d'],
    ['drain planet earth --deadline 1h', 'region, pool, host'],
    ['drain region --deadline 1h', "missing required argument 'name'"],
    ['drain pool near --deadline 1h', 'is not the name of a pool. It must have the form REGION/POOL'],
    ['drain region near --deadline 1h --at-deadline explode', 'end, keep'],
    ['drain region near --deadline 1h --mode teleport', 'wait, move'],
    ['drain region near --deadline 1h --watch --dry-run', 'cannot be used with'],
    ['drain region near --deadline 1h --url nonsense --token t', 'is not a URL'],
    ['undrain host near/console-x', 'is not the name of a host. It must have the form REGION/POOL/HOST'],
    ['undrain region Near', '"Near" is not a valid name'],
    ['cordon region near', 'host'],
    ['uncordon host h1', 'is not the name of a host. It must have the form REGION/POOL/HOST'],
    ['audit --limit 0', 'a whole number from 1 to 1000'],
    ['audit --limit 1001', 'a whole number from 1 to 1000'],
    ['moves --limit 0', 'a whole number from 1 to 1000'],
    ['moves --limit 1001', 'a whole number from 1 to 1000'],
  ];
  for (const [line, message] of mistakes) {
    it(`"${line}" is refused`, async () => {
      expect(await typed(line)).to.include(message);
    });
  }

  for (const name of ['drain', 'undrain', 'drains', 'cordon', 'uncordon', 'audit', 'moves']) {
    it(`${name} has help with examples and the required scope`, async () => {
      const help = await typed(`${name} --help`);
      expect(help)
        .to.match(/Examples:\n {2}\$ /)
        .and.include(`$ duskline ${name} `)
        .and.match(/ops:(read|write)/);
    });
  }

  it('drain: the help explains the modes, with an example', async () => {
    const help = (await typed('drain --help')).replaceAll(/\s+/g, ' ');
    expect(help)
      .to.include('wait: wait until players leave; move: also move sessions to other hosts')
      .and.include('$ duskline drain region eu-west --deadline 30m --mode move --watch');
  });

  it('moves: the help explains each column and cause', async () => {
    const help = await typed('moves --help');
    const words = ['at', 'from', 'to', 'cause', 'outcome', 'took', 'why'];
    for (const word of words) expect(help).to.match(new RegExp(`^ {2}${word} `, 'm'));
    for (const cause of MOVE_CAUSES) expect(help).to.include(`${cause}: `);
  });
});
