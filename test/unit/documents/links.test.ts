import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect } from 'chai';
import { ROOT, anchorsOf, pathsNamedIn, readPages, relativeLinksOf } from './markdown.js';

const PAGES = readPages();

/** Pages about the past, which may name files that no longer exist. */
const HISTORY = /^(CHANGELOG\.md|docs\/adr\/)/;

describe('The documents', () => {
  it('link only to files and headings that exist', () => {
    const anchors = new Map(PAGES.map((page) => [page.path, anchorsOf(page)]));
    const broken = PAGES.flatMap((page) =>
      relativeLinksOf(page)
        .filter((target) => {
          const [path = '', anchor] = target.split('#');
          const file = path === '' ? page.path : posix.join(posix.dirname(page.path), path);
          if (!existsSync(ROOT + file)) return true;
          return anchor !== undefined && anchors.get(file)?.has(anchor) !== true;
        })
        .map((target) => `${page.path}: ${target}`),
    );
    expect(broken).to.deep.equal([]);
  });

  it('name only existing files and folders', () => {
    const missing = PAGES.filter(({ path }) => !HISTORY.test(path)).flatMap((page) =>
      pathsNamedIn(page)
        .filter((path) => !path.includes('/dist/') && !existsSync(ROOT + path))
        .map((path) => `${page.path}: ${path}`),
    );
    expect(missing).to.deep.equal([]);
  });

  it('name only npm scripts in package.json', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
      scripts: Record<string, string>;
    };
    const missing = PAGES.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g)]
        .filter(([, name = '']) => !Object.hasOwn(scripts, name))
        .map(([, name]) => `${path}: ${name}`),
    );
    expect(missing).to.deep.equal([]);
  });
});
