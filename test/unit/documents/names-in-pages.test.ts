import { REFUSAL_REASONS } from '@duskline/host';
import { ERROR_CODES } from '@duskline/protocol/codes';
import { DRAIN_OUTCOMES } from '@duskline/server/domain/drain.js';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { createMetrics } from '@duskline/server/http/metrics.js';
import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { ROOT, readPages, type Page } from './markdown.js';

const PAGES = readPages();

/** Pages about the past, which may use names that no longer exist. */
const CURRENT_PAGES = PAGES.filter(({ path }) => !/^(CHANGELOG\.md|docs\/adr\/)/.test(path));

/** The folders with the files that a comment or a page may name. */
const FOLDERS = [
  'client-sdk',
  'docs',
  'examples',
  'host-sdk',
  'loadtest',
  'protocol',
  'scripts',
  'sdk-runtime',
  'server',
  'test',
];

/** Files that ADR 21 names as the past. */
const FORMER_FILES = new Set(['lua-linker.ts']);

/** Paths from the root of the repository. */
function filesUnder(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return entry.name === 'dist' || entry.name === 'node_modules' ? [] : filesUnder(path);
  });
}

function pageAt(path: string): Page {
  const page = PAGES.find((found) => found.path === path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page;
}

/** All names in backticks in the first column of the tables of a section. */
function namesInTables({ path, text }: Page, heading: string): string[] {
  const [, section] = text.split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`${path} has no heading "${heading}"`);
  const [own = ''] = section.split(/\n#{1,6} /);
  const cells = own.match(/^\| `[^|]*/gm) ?? [];
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

describe('Names in the documents', () => {
  it('are those of metrics that brokers have', async () => {
    const metrics = createMetrics();
    metrics.watchConnections(() => ({ clients: 0, hosts: 0, waiting: 0 }));
    const text = await metrics.text();
    const unknown = CURRENT_PAGES.flatMap((page) =>
      [...page.text.matchAll(/`(duskline_\w+)`/g)]
        .filter(([, name]) => !text.includes(`# TYPE ${name} `))
        .map(([, name]) => `${page.path}: ${name}`),
    );
    expect(unknown).to.deep.equal([]);
  });

  it('are those of limits that the configuration has', () => {
    const unknown = CURRENT_PAGES.flatMap((page) =>
      [...page.text.matchAll(/`limits\.(\w+)`/g)]
        .filter(([, key]) => !Object.hasOwn(DEFAULT_LIMITS, key!))
        .map(([, key]) => `${page.path}: ${key}`),
    );
    expect(unknown).to.deep.equal([]);
  });

  it('are those of error codes that brokers send, in the tables of drains and security', () => {
    const codes: readonly string[] = ERROR_CODES;
    const drains = namesInTables(pageAt('docs/operate/drains.md'), '### Errors');
    const tokens = namesInTables(pageAt('docs/run/security.md'), '## Resume tokens');
    expect(drains.length).to.be.greaterThan(5);
    expect(tokens.length).to.be.greaterThan(2);
    expect([...drains, ...tokens].filter((code) => !codes.includes(code))).to.deep.equal([]);
  });

  it('are the outcomes of a drain, in their order', () => {
    const documented = namesInTables(pageAt('docs/operate/drains.md'), '## Progress');
    expect(documented).to.deep.equal([...DRAIN_OUTCOMES]);
  });

  it('are those of files that exist, also in the comments of the server', () => {
    const files = FOLDERS.flatMap(filesUnder);
    const naming = files.filter((path) => /^(server\/.*\.(ts|lua)|docs\/.*\.md)$/.test(path));
    const unknown = naming.flatMap((path) =>
      [...readFileSync(ROOT + path, 'utf8').matchAll(/`([\w./-]+\.(?:ts|lua|mjs))`/g)]
        .map(([, name]) => name!)
        .filter((name) => !FORMER_FILES.has(name) && !files.some((file) => `/${file}`.endsWith(`/${name}`)))
        .map((name) => `${path}: ${name}`),
    );
    expect(naming.length).to.be.greaterThan(100);
    expect(unknown).to.deep.equal([]);
  });

  it('are the reasons for which a host refuses a ticket, and no others', () => {
    const documented = namesInTables(pageAt('host-sdk/README.md'), '## Tickets');
    expect(documented).to.have.members([...REFUSAL_REASONS]);
  });
});
