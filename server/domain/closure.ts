/**
 * Reasons for which a host or region pool takes no new sessions. It is open while it has none of them. Each reason is set and
 * removed by itself, so that removing one does not open what is closed for another.
 *
 * - `cordoned`: operators closed it; running sessions stay.
 * - `draining`: operators closed it and empty it.
 * - `failing`: the host failed new sessions and is excluded for a while (hosts only; see host-failures.ts).
 * - `hot`: the rebalancer excludes a hot host (hosts only). Offers on the host stay.
 */
export const CLOSURES = ['cordoned', 'draining', 'failing', 'hot'] as const;
export type Closure = (typeof CLOSURES)[number];

/** Adds a reason, in the order of `CLOSURES`, or removes it. */
export function changeClosures(
  closures: readonly Closure[],
  closure: Closure,
  change: 'add' | 'remove',
): readonly Closure[] {
  return CLOSURES.filter((known) => (known === closure ? change === 'add' : closures.includes(known)));
}

/**
 * Whether a host that gets this closure loses its offers. Not for `hot`: the rebalancer may decide otherwise in each round, and a
 * player must not lose an offer each time.
 */
export function withdrawsOffers(closure: Closure): boolean {
  return closure !== 'hot';
}
