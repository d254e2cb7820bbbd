// Bundles the command from the compiled files: a broker then loads three files rather than sixteen hundred, and listens in a
// third of the time (docs/adr/0020-a-bundle-for-the-command.md). Run `tsc --build` first.
//
//     node scripts/bundle.mjs [--watch]     --watch: bundle again after each change of the compiled files
import { build, context } from 'esbuild';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thirdPartyLicences } from './third-party-licences.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = join(ROOT, 'server/dist/bundle');

/** Entry points. Worker threads are separate programs, which the command loads from its own folder. */
const PROGRAMS = {
  duskline: 'server/dist/cli/main.js',
  'rebalancer-worker': 'server/dist/rebalancer-worker.js',
  worker: 'loadtest/dist/drive/workers/worker.js',
};

/** Bundled CommonJS packages use `require` for modules of Node, and for optional packages that are not installed. */
const REQUIRE = [
  "import { createRequire as requireFor } from 'node:module';",
  'const require = requireFor(import.meta.url), __dirname = import.meta.dirname;',
].join('\n');

/** Writes the licences, and removes files of earlier bundles: their names contain a hash of the contents. */
const finish = {
  name: 'finish',
  setup(run) {
    run.onEnd(async ({ errors, metafile }) => {
      if (errors.length > 0) return;
      const licences = await thirdPartyLicences(ROOT, Object.keys(metafile.inputs));
      await writeFile(join(BUNDLE, 'LICENCES.txt'), licences);
      const written = new Set(Object.keys(metafile.outputs).map((file) => join(ROOT, file)));
      written.add(join(BUNDLE, 'LICENCES.txt'));
      const existing = (await readdir(BUNDLE)).map((name) => join(BUNDLE, name));
      await Promise.all(existing.filter((file) => !written.has(file)).map((file) => rm(file)));
    });
  },
};

const options = {
  absWorkingDir: ROOT,
  entryPoints: PROGRAMS,
  outdir: BUNDLE,
  bundle: true,
  // Code that only some commands use is in separate files, which are loaded on demand.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  banner: { js: REQUIRE },
  // Not minified, so that stack traces have the function names of the sources. V8 skips unused code at 50 MB a second.
  // With `node --enable-source-maps` stack traces have the files and lines of the sources, too.
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  plugins: [finish],
};

if (process.argv.includes('--watch')) await (await context(options)).watch();
else await build(options);
