import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('../../', import.meta.url));
const COMPILED = join(TESTS, 'dist');

/** What `npm test` runs. Folders that take long come first, for machines that have not measured yet. */
const FOLDERS = ['e2e', 'integration', 'store', 'protocol', 'unit'];

/**
 * Compiled test files, as absolute paths.
 *
 * @param named files and folders below `test/`, as source (`test/unit/auth`, `x.test.ts`) or compiled (`test/dist/...`);
 *   none means all
 * @throws Error when one of them does not exist
 */
export function findTestFiles(named: readonly string[]): string[] {
  const paths =
    named.length === 0 ? FOLDERS.map((folder) => join(COMPILED, folder)) : named.map(compiledPath);
  return [...new Set(paths.flatMap(testFilesBelow))];
}

/** The name by which a file is known in recorded times and in lists: `unit/auth/token.test.js`. */
export function nameOf(file: string): string {
  return relative(COMPILED, file).split(sep).join('/');
}

function compiledPath(named: string): string {
  const path = resolve(named);
  const below = relative(TESTS, path);
  const compiled = path.startsWith(COMPILED + sep) ? path : join(COMPILED, below);
  return compiled.replace(/\.ts$/, '.js');
}

function testFilesBelow(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new Error(`There is no test file or folder ${path}. Build first: npx tsc --build test`);
  }
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return entries
    .filter((entry) => entry.endsWith('.test.js'))
    .sort()
    .map((entry) => join(path, entry))
    .filter((file) => existsSync(sourceOf(file)));
}

/** The compiler leaves what it made of a file that was moved or removed since: that is no test any more. */
function sourceOf(file: string): string {
  return join(TESTS, nameOf(file).replace(/\.js$/, '.ts'));
}
