// Bundles the command out of what the compiler made: a broker reads three files rather than sixteen hundred, and listens
// in a third of the time (docs/adr/0020-a-bundle-for-the-command.md). Needs `tsc --build`.
//
//     node scripts/bundle.mjs [--watch]     --watch: again whenever the compiler has written something
import { build, context } from 'esbuild';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thirdPartyLicences } from './third-party-licences.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = join(ROOT, 'server/dist/bundle');

/** Threads are programs of their own, which their makers find beside themselves. */
const PROGRAMS = {
  duskline: 'server/dist/cli/main.js',
  'rebalancer-worker': 'server/dist/rebalancer-worker.js',
  worker: 'loadtest/dist/drive/workers/worker.js',
};

/** Bundled CommonJS packages ask for Node's own modules, and for optional packages that are not there, with `require`. */
const REQUIRE = [
  "import { createRequire as requireFor } from 'node:module';",
  'const require = requireFor(import.meta.url), __dirname = import.meta.dirname;',
].join('\n');

/** Writes what belongs to each bundle, and removes what earlier ones left: parts are named by what is in them. */
const finish = {
  name: 'finish',
  setup(run) {
    run.onEnd(async ({ errors, metafile }) => {
      if (errors.length > 0) return;
      const licences = await thirdPartyLicences(ROOT, Object.keys(metafile.inputs));
      await writeFile(join(BUNDLE, 'LICENCES.txt'), licences);
      const written = new Set(Object.keys(metafile.outputs).map((file) => join(ROOT, file)));
      written.add(join(BUNDLE, 'LICENCES.txt'));
      const there = (await readdir(BUNDLE)).map((name) => join(BUNDLE, name));
      await Promise.all(there.filter((file) => !written.has(file)).map((file) => rm(file)));
    });
  },
};

const options = {
  absWorkingDir: ROOT,
  entryPoints: PROGRAMS,
  outdir: BUNDLE,
  bundle: true,
  // What only some commands need, or some brokers, is a file of its own, read when it is asked for.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  banner: { js: REQUIRE },
  // Not minified: a stack trace names functions as the sources do, and V8 reads what it does not run at 50 MB a second.
  // `node --enable-source-maps` names files and lines as well.
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  plugins: [finish],
};

if (process.argv.includes('--watch')) await (await context(options)).watch();
else await build(options);
