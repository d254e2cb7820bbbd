import { REFUSAL_REASONS } from '@duskline/host';
import { ERROR_CODES } from '@duskline/protocol/codes';
import { DRAIN_OUTCOMES } from '@duskline/server/domain/drain.js';
import { DEFAULT_LIMITS } from '@duskline/server/domain/limits.js';
import { createMetrics } from '@duskline/server/http/metrics.js';
import { expect } from 'chai';
import { readPages, type Page } from './markdown.js';

const PAGES = readPages();

/** Pages about the past, which may use names that no longer exist. */
const CURRENT_PAGES = PAGES.filter(({ path }) => !/^(CHANGELOG\.md|docs\/adr\/)/.test(path));

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

  it('are the reasons for which a host refuses a ticket, and no others', () => {
    const documented = namesInTables(pageAt('host-sdk/README.md'), '## Tickets');
    expect(documented).to.have.members([...REFUSAL_REASONS]);
  });
});
