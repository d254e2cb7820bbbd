import { readFileSync } from 'node:fs';
import { ROOT } from '../documents/markdown.js';

type Table = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** The changes of a table of next phases: `from event to`. */
export function tableTransitions(table: Table): string[] {
  return Object.entries(table).flatMap(([from, events]) =>
    Object.entries(events).flatMap(([event, phases]) => phases.map((to) => `${from} ${event} ${to}`)),
  );
}

/**
 * The rows of a page's tables: phase, event, next phases.
 *
 * @param heading only those of the section with this heading
 */
export function pageTransitions(page: string, heading?: string): string[] {
  const content = readFileSync(ROOT + page, 'utf8');
  const text = heading === undefined ? content : sectionOf(content, heading);
  const rows = [...text.matchAll(/^\| `(\w+)` \| `(\w+)` \| (.+) \|$/gm)];
  return rows.flatMap(([, from, event, phases]) =>
    [...phases!.matchAll(/`(\w+)`/g)].map(([, to]) => `${from} ${event} ${to}`),
  );
}

function sectionOf(content: string, heading: string): string {
  const section = content.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`No section has the heading "${heading}".`);
  return section;
}
