import { readFileSync } from 'node:fs';
import { ConfigDocument } from '@duskline/server/config/document.js';
import { LimitsSection } from '@duskline/server/config/sections/limits-section.js';
import { AUTH_SECRET, REDIS_PASSWORD, TICKET_MASTER_KEY } from '@duskline/server/config/secrets.js';
import { expect } from 'chai';

const PAGE = readFileSync(new URL('../../../../docs/run/configuration.md', import.meta.url), 'utf8');

interface SchemaNode {
  readonly default?: string | number | readonly number[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

/** Every key that has a value, with the text that the page must have for its default. */
function keysOf(node: SchemaNode, path: string, defaultText: string): [string, string][] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      keysOf(
        child,
        path === '' ? key : `${path}.${key}`,
        defaultOf(child, node.required?.includes(key) ?? false),
      ),
    );
  }
  const [named] = Object.values(node.patternProperties ?? {});
  if (named !== undefined) return keysOf(named, `${path}.<name>`, defaultText);
  if (node.items?.properties !== undefined) return keysOf(node.items, `${path}[]`, defaultText);
  return [[path, defaultText]];
}

function defaultOf(node: SchemaNode, required: boolean): string {
  if (required) return 'required';
  if (node.default === undefined) return 'none';
  return `\`${Array.isArray(node.default) ? `[${node.default.join(', ')}]` : String(node.default)}\``;
}

function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

describe('docs/run/configuration.md', () => {
  const rows = rowsOf(PAGE);
  const documented = rows.flatMap(([, key, , , value]) => (value === '' ? [] : [[key!.slice(1, -1), value]]));

  it('lists every key of the schema with its default, and no other', () => {
    const inSchema = keysOf(ConfigDocument as object, '', 'required');
    expect(inSchema.length).to.be.greaterThan(40);
    expect(documented).to.have.deep.members(inSchema);
  });

  it('gives the range of every limit that the schema allows', () => {
    const documentedRanges = rows
      .filter(([, key]) => key!.startsWith('`limits.'))
      .map(([, key, , , , range]) => [key!.slice('`limits.'.length, -1), range]);
    const inSchema = Object.entries(LimitsSection.properties).map(([key, schema]) => {
      const { minimum, maximum } = schema as unknown as Range;
      return [key, `${minimum} to ${maximum}`];
    });
    expect(documentedRanges).to.have.deep.members(inSchema);
  });

  it('gives the meaning and the unit or format of every key', () => {
    for (const [, key, meaning, form] of rows) {
      expect(meaning, key).not.to.equal('');
      expect(form, key).not.to.equal('');
      if (key!.endsWith('Ms`')) expect(form, key).to.match(/^(list of )?milliseconds$/);
      if (key!.endsWith('Bytes`')) expect(form).to.equal('bytes');
    }
  });

  it('lists every secret', () => {
    for (const name of [AUTH_SECRET, TICKET_MASTER_KEY, REDIS_PASSWORD]) {
      expect(PAGE).to.include(`| \`${name}\``);
    }
  });
});
