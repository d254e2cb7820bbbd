import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type BuildResult } from 'esbuild';
import { startFor } from '../processes/started-processes.js';

type Format = NonNullable<BuildOptions['format']>;

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
};

/** The first build starts the esbuild process that later builds of all tests share, so it belongs to the run. */
function buildInMemory(options: BuildOptions): Promise<BuildResult<{ write: false }>> {
  return startFor('run', () => build({ ...options, write: false }));
}

/** A web site with its own port, and so with another origin than the brokers. */
export interface WebSite {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves files from memory. `files` has the contents by path, such as `/index.html`. */
async function serveFiles(files: ReadonlyMap<string, string | Uint8Array>): Promise<WebSite> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname.replace(/\/$/, '/index.html');
    const body = files.get(path);
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': CONTENT_TYPES[extname(path)] ?? 'text/plain' }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Bundles and serves an example with the options of the esbuild command in its README.
 *
 * @param folder below the repository's root, such as `examples/browser-player`
 */
export async function serveExample(folder: string): Promise<WebSite> {
  const { options, servedFolder } = readCommand(await readFile(join(ROOT, folder, 'README.md'), 'utf8'));
  const { outputFiles } = await buildInMemory({ ...options, absWorkingDir: ROOT });
  const files = new Map<string, Uint8Array>();
  const site = join(ROOT, servedFolder);
  for (const entry of await readdir(site, { withFileTypes: true })) {
    if (entry.isFile()) files.set(`/${entry.name}`, await readFile(join(site, entry.name)));
  }
  for (const { path, contents } of outputFiles) {
    files.set(`/${relative(site, path).split(sep).join(posix.sep)}`, contents);
  }
  return serveFiles(files);
}

/** Serves an empty page with a package of this repository as a global variable. */
export async function servePackage(name: string, globalName: string): Promise<WebSite> {
  const { outputFiles } = await buildInMemory({
    stdin: { contents: `export * from '${name}';`, resolveDir: ROOT },
    bundle: true,
    format: 'iife',
    globalName,
  });
  const script = outputFiles[0]?.contents ?? '';
  const page =
    '<!doctype html><title>empty</title><link rel="icon" href="data:,"><script src="/bundle.js"></script>';
  return serveFiles(
    new Map<string, string | Uint8Array>([
      ['/index.html', page],
      ['/bundle.js', script],
    ]),
  );
}

/** Translates the esbuild command of a README into options of esbuild's API. */
function readCommand(readme: string): { options: BuildOptions; servedFolder: string } {
  const words = /^npx esbuild (.+)$/m.exec(readme)?.[1]?.split(' ') ?? [];
  const options: BuildOptions = { entryPoints: words.filter((word) => !word.startsWith('--')) };
  let servedFolder: string | undefined;
  for (const word of words) {
    const [, flag, value] = /^--([^=]+)=?(.*)$/.exec(word) ?? [];
    if (flag === undefined) continue;
    if (flag === 'bundle') options.bundle = true;
    else if (flag === 'format') options.format = value as Format;
    else if (flag === 'outdir' && value !== undefined) options.outdir = value;
    else if (flag === 'servedir') servedFolder = value;
    else throw new Error(`The README calls esbuild with --${flag}, which tests do not know.`);
  }
  if (servedFolder === undefined) throw new Error('The README does not say which folder esbuild serves.');
  return { options, servedFolder };
}
