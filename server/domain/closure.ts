/**
 * Whether a host or region pool takes new sessions. Only `open` does.
 *
 * - `cordoned`: operators closed it; running sessions stay.
 * - `draining`: operators closed it and empty it.
 * - `hot`: the rebalancer excludes a hot host (hosts only). An order of an operator replaces this value. Offers on the host stay.
 */
export const CLOSURES = ['open', 'cordoned', 'draining', 'hot'] as const;
export type Closure = (typeof CLOSURES)[number];

/**
 * Whether closing a host this way withdraws the offers on it. The rebalancer may change its mind at any round, and a player must
 * not lose an offer each time.
 */
export function withdrawsOffers(closure: Closure): boolean {
  return closure === 'cordoned' || closure === 'draining';
}
