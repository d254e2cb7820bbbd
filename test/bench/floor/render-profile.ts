import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a V8 CPU profile holds, as far as it matters here. */
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

/** Samples of a process that waits for work. */
const IDLE = new Set(['(idle)', '(root)']);
const OURS = /^(server|protocol|test)\/dist\//;
const GROUPS_SHOWN = 30;
const FUNCTIONS_SHOWN = 45;

/**
 * Where time went, as shares of all that was not idle: by module of ours, each with what it calls of libraries and of Node
 * (but for what that calls back); and self times by module and by function.
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
  /** The innermost of ours that the sample is in; else what is outermost below the event loop. */
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
    section('by module of ours, with what it calls', byOwner, GROUPS_SHOWN),
    section('self times by module', byModule, GROUPS_SHOWN),
    section('self times by function', byFunction, FUNCTIONS_SHOWN),
  ].join('\n');
}

/** A module of ours by its path, a library by its name, what Node has built in by that. */
function moduleOf({ url, functionName, lineNumber }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url;
  const path = url.includes(BUNDLED) ? `/${bundledModule(url, lineNumber)}` : url;
  const library = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (library !== null && !path.includes('@duskline')) return library[1] ?? url;
  return /\/((?:server|protocol|test)\/dist\/.*)$/.exec(path)?.[1] ?? url;
}

const BUNDLED = '/dist/bundle/';

/** By part of the bundle: where each module in it begins, and its path. */
const bundles = new Map<string, readonly { readonly line: number; readonly path: string }[]>();

/** Which module stands on that line of a bundle: esbuild writes its path before each. */
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
