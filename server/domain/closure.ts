/**
 * What operators said of a host or a place: `cordoned` takes no new sessions, `draining` is emptied too. What is not
 * `open` is closed.
 */
export const CLOSURES = ['open', 'cordoned', 'draining'] as const;
export type Closure = (typeof CLOSURES)[number];
