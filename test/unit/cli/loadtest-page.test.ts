import { readFileSync } from 'node:fs';
import { addLoadTestCommand } from '@duskline/server/cli/loadtest/loadtest-command.js';
import {
  parseRunOptions,
  type LoadTestCommandOptions,
} from '@duskline/server/cli/loadtest/parse-run-options.js';
import { evaluateReport } from '@duskline/loadtest/report/load-report.js';
import { expect } from 'chai';
import { Command } from 'commander';
import { measuredRun } from '../loadtest/measured-run.js';

const PAGES = ['docs/load/load-testing.md', 'README.md'].map((name) => {
  return { name, text: readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8') };
});

function command(): Command {
  const program = new Command();
  addLoadTestCommand(program);
  const [added] = program.commands;
  if (added === undefined) throw new Error('there is no such command');
  return added.exitOverride().configureOutput({ writeErr: () => undefined });
}

/** The arguments of every `duskline loadtest` command in a text. */
function runsIn(text: string): string[][] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  return lines.flatMap((line) => {
    const [, args] = /^ *(?:\$ |npx )duskline loadtest (.*)$/.exec(line) ?? [];
    if (args === undefined) return [];
    return [[...args.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')];
  });
}

describe('The page about load testing', () => {
  it('lists every option of the command, and no other', () => {
    const known = command().options.map(({ long }) => long ?? '');
    const [page] = PAGES;
    const written = new Set(page!.text.match(/--[a-z][a-z0-9-]+/g));
    expect([...written].sort()).to.deep.equal([...known].sort());
  });

  it('lists every field of the report', () => {
    const [page] = PAGES;
    const report = evaluateReport(measuredRun({ redis: measuredRun().brokers[0]! }), []);
    const missing = [...Object.keys(report), 'saturationPoint'].filter(
      (field) => !page!.text.includes(`\`${field}\``),
    );
    expect(missing).to.deep.equal([]);
  });

  it('shows only valid commands, and so do the other pages', () => {
    const help: string[] = [];
    command()
      .configureOutput({ writeOut: (text) => help.push(text) })
      .outputHelp();
    const texts = [...PAGES, { name: '--help', text: help.join('') }];
    for (const { name, text } of texts) {
      const runs = runsIn(text);
      expect(runs, name).not.to.have.length(0);
      for (const args of runs) {
        const parser = command();
        const { operands, unknown } = parser.parseOptions(args);
        expect([...operands, ...unknown], `${name}: ${args.join(' ')}`).to.deep.equal([]);
        const env = { DUSKLINE_AUTH_SECRET: 'a secret of the tests, long enough for HS256' };
        parseRunOptions(parser.opts<LoadTestCommandOptions>(), env);
      }
    }
  });
});
