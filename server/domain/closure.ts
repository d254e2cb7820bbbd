/**
 * Whether a host or region pool takes new sessions. Only `open` does.
 *
 * - `cordoned`: operators closed it; running sessions stay.
 * - `draining`: operators closed it and empty it.
 * - `hot`: the rebalancer excludes a hot host (hosts only). An order of an operator replaces this value.
 */
export const CLOSURES = ['open', 'cordoned', 'draining', 'hot'] as const;
export type Closure = (typeof CLOSURES)[number];
