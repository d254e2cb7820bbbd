import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('../../', import.meta.url));
const COMPILED = join(TESTS, 'dist');

/** The folders that `npm test` runs. Those that take long come first, for a first run without recorded times. */
const FOLDERS = ['e2e', 'integration', 'store', 'protocol', 'unit'];

/**
 * Finds compiled test files. @returns absolute paths
 *
 * @param named files and folders below `test/`, as source (`test/unit/auth`, `x.test.ts`) or compiled (`test/dist/...`);
 *   all tests when empty
 * @throws Error when one of them does not exist
 */
export function findTestFiles(named: readonly string[]): string[] {
  const paths =
    named.length === 0 ? FOLDERS.map((folder) => join(COMPILED, folder)) : named.map(compiledPath);
  return [...new Set(paths.flatMap(testFilesBelow))];
}

/** The name of a file in recorded times and lists: `unit/auth/token.test.js`. */
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
    throw new Error(
      `There is no compiled test file or folder ${path}. Check the path, and build with: npx tsc --build test`,
    );
  }
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return entries
    .filter((entry) => entry.endsWith('.test.js'))
    .sort()
    .map((entry) => join(path, entry))
    .filter((file) => existsSync(sourceOf(file)));
}

/** The source of a compiled file. The compiler leaves the output of a moved or deleted source, which must not run. */
function sourceOf(file: string): string {
  return join(TESTS, nameOf(file).replace(/\.js$/, '.ts'));
}
