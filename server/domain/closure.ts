/**
 * What operators said of a host or a place: `cordoned` takes no new sessions, `draining` is emptied too. What is not
 * `open` is closed. `hot` is the rebalancer's word for a host that it relieves: what operators say replaces it.
 */
export const CLOSURES = ['open', 'cordoned', 'draining', 'hot'] as const;
export type Closure = (typeof CLOSURES)[number];
