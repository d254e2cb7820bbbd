import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path from the compiled tests in `test/dist/unit/documents`. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);

export interface Page {
  /** Path from the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** The text without its fenced code blocks, in which nothing is a link or a heading. */
  readonly prose: string;
}

/** Every Markdown page of the repository. */
export function readPages(): Page[] {
  return pathsUnder('').map((path) => {
    const text = readFileSync(ROOT + path, 'utf8');
    return { path, text, prose: text.replaceAll(/^( *)```[^]*?^ *```$/gm, '') };
  });
}

function pathsUnder(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name)) return [];
    if (entry.isDirectory()) return pathsUnder(`${folder}${entry.name}/`);
    return entry.name.endsWith('.md') ? [folder + entry.name] : [];
  });
}

/** Targets of links and pictures that lead to another file of the repository. */
export function relativeLinksOf(page: Page): string[] {
  const inProse = page.prose.replaceAll(/`[^`\n]*`/g, '');
  const targets = [...inProse.matchAll(/\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"/g)];
  return targets.map(([, link, image]) => link ?? image ?? '').filter((target) => !/^[a-z]+:/.test(target));
}

/** The fragments with which links address the headings of a page, as GitHub makes them. */
export function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of page.prose.matchAll(/^#{1,6} (.*)$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Inline code that is a path of a file or folder, relative to the root of the repository. */
export function pathsNamedIn(page: Page): string[] {
  const code = [...page.prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
  return code.filter((text) =>
    /^(protocol|server|client-sdk|host-sdk|loadtest|test|scripts|examples|docs)\/[\w./-]*$/.test(text),
  );
}
