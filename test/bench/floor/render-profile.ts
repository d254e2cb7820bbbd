import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The parts of a V8 CPU profile that are used here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** Functions of samples in which the process waits for work. */
const IDLE = new Set(['(idle)', '(root)']);
const OURS = /^(server|protocol|test)\/dist\//;
const GROUPS_SHOWN = 30;
const FUNCTIONS_SHOWN = 45;

/**
 * Renders the CPU profiles of a folder, as shares of the time that was not idle: by module of this repository, including the
 * functions of libraries and Node that it calls; and self times by module and by function.
 */
export async function renderProfile(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.cpuprofile'));
  const parts: string[] = [];
  for (const name of names.sort()) {
    const profile = JSON.parse(await readFile(join(directory, name), 'utf8')) as Profile;
    parts.push(`${name}\n${renderOne(profile)}`);
  }
  return parts.join('\n\n');
}

function renderOne({ nodes, samples, timeDeltas }: Profile): string {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  /** The innermost module of this repository on the stack of a sample; otherwise the outermost frame. */
  const ownerOf = (id: number): string => {
    let name = '';
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = frames.get(at);
      if (frame === undefined || frame.functionName === '(root)') break;
      name = moduleOf(frame);
      if (OURS.test(name)) break;
    }
    return name;
  };
  const byOwner = new Map<string, number>();
  const byModule = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let all = 0;
  samples.forEach((id, i) => {
    const frame = frames.get(id);
    const micros = timeDeltas[i] ?? 0;
    if (frame === undefined || IDLE.has(frame.functionName)) return;
    all += micros;
    const name = moduleOf(frame);
    add(byOwner, ownerOf(id), micros);
    add(byModule, name, micros);
    add(byFunction, `${frame.functionName || '(anonymous)'} ${name}`, micros);
  });
  const section = (title: string, times: ReadonlyMap<string, number>, shown: number): string =>
    [
      title,
      ...[...times]
        .sort(([, a], [, b]) => b - a)
        .slice(0, shown)
        .map(([name, micros]) => `${((100 * micros) / all).toFixed(1).padStart(6)} %  ${name}`),
    ].join('\n');
  return [
    `${(all / 1e6).toFixed(1)} s of work`,
    section('by module of this repository, including what it calls', byOwner, GROUPS_SHOWN),
    section('self times by module', byModule, GROUPS_SHOWN),
    section('self times by function', byFunction, FUNCTIONS_SHOWN),
  ].join('\n');
}

/** The path of a module of this repository, the name of a library, or the name of a module of Node. */
function moduleOf({ url, functionName, lineNumber }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url;
  const path = url.includes(BUNDLED) ? `/${bundledModule(url, lineNumber)}` : url;
  const library = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (library !== null && !path.includes('@duskline')) return library[1] ?? url;
  return /\/((?:server|protocol|test)\/dist\/.*)$/.exec(path)?.[1] ?? url;
}

const BUNDLED = '/dist/bundle/';

/** For each file of the bundle: the first line and the path of each module in it. */
const bundles = new Map<string, readonly { readonly line: number; readonly path: string }[]>();

/** The module at a line of a bundle. esbuild writes the path of each module in a comment before it. */
function bundledModule(url: string, line: number): string {
  let modules = bundles.get(url);
  if (modules === undefined) {
    modules = readFileSync(fileURLToPath(url), 'utf8')
      .split('\n')
      .flatMap((text, i) =>
        /^\/\/ [\w@./-]+\.[cm]?js$/.test(text) ? [{ line: i, path: text.slice(3) }] : [],
      );
    bundles.set(url, modules);
  }
  return modules.findLast((module) => module.line <= line)?.path ?? url;
}

function add(times: Map<string, number>, name: string, micros: number): void {
  times.set(name, (times.get(name) ?? 0) + micros);
}
