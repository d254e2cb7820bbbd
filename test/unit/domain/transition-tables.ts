import { readFileSync } from 'node:fs';
import { ROOT } from '../documents/markdown.js';

type Table = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** The changes of a table of next phases: `from event to`. */
export function tableTransitions(table: Table): string[] {
  return Object.entries(table).flatMap(([from, events]) =>
    Object.entries(events).flatMap(([event, phases]) => phases.map((to) => `${from} ${event} ${to}`)),
  );
}

/** The rows of a page's table: phase, event, next phases. */
export function pageTransitions(page: string): string[] {
  const text = readFileSync(ROOT + page, 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| `(\w+)` \| (.+) \|$/gm)];
  return rows.flatMap(([, from, event, phases]) =>
    [...phases!.matchAll(/`(\w+)`/g)].map(([, to]) => `${from} ${event} ${to}`),
  );
}
