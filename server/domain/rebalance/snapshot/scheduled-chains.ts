import type { ScheduledChain } from '../actions/scheduled-chain.js';
import { hostKey } from '../limits/hot-hosts.js';
import type { FleetSnapshot, HostSnapshot, SessionSnapshot } from './fleet-snapshot.js';

/** What scheduled chains add to the numbers of a host. */
interface HostChange {
  committed: number;
  outgoingMoves: number;
  incomingMoves: number;
  slotsBeingFreed: number;
}

/**
 * Adds the chains that have not ended to the snapshot, so that a round does not plan again what is planned already: the slots
 * that they take and free, and the moves of their hosts. A chain frees a slot where its last session leaves. This slot serves one
 * of the waiting players, for whom no other session has to move.
 *
 * @param snapshot its hosts do not count the moves of these chains, and their sessions are `fixed`
 */
export function withScheduledChains(
  snapshot: FleetSnapshot,
  chains: readonly ScheduledChain[],
): FleetSnapshot {
  if (chains.length === 0) return snapshot;
  const changes = new HostChanges();
  const scheduled = new Set(chains.flatMap(({ moves }) => moves.map(({ sessionId }) => sessionId)));
  const hostsOf = findHosts(snapshot.sessions, scheduled);
  for (const { moves, isRunning } of chains) {
    const [first, last] = [moves[0], moves.at(-1)];
    if (first === undefined || last === undefined) continue;
    const source = hostKey(last.from.regionPool, last.from.hostId);
    // The last session has left since, so that the slot is free or in use already.
    if (hostsOf.get(last.sessionId)?.has(source) !== true) continue;
    const leaving = changes.of(source);
    leaving.outgoingMoves += 1;
    leaving.slotsBeingFreed += 1;
    // The slot that any other session of the chain leaves is taken by the one that moves after it.
    for (const { from } of moves.slice(0, -1)) {
      changes.of(hostKey(from.regionPool, from.hostId)).incomingMoves += 1;
    }
    if (first.to.hostId === null) continue;
    const target = changes.of(hostKey(first.to.regionPool, first.to.hostId));
    target.incomingMoves += 1;
    if (!isRunning) target.committed += 1;
  }
  return { ...snapshot, hosts: snapshot.hosts.map((host) => changes.applyTo(host)) };
}

class HostChanges {
  readonly #changes = new Map<string, HostChange>();

  of(key: string): HostChange {
    const known = this.#changes.get(key);
    if (known !== undefined) return known;
    const change = { committed: 0, outgoingMoves: 0, incomingMoves: 0, slotsBeingFreed: 0 };
    this.#changes.set(key, change);
    return change;
  }

  applyTo(host: HostSnapshot): HostSnapshot {
    const change = this.#changes.get(hostKey(host.regionPool, host.hostId));
    if (change === undefined) return host;
    return {
      ...host,
      committed: host.committed + change.committed,
      congestion: host.congestion + change.committed / host.slots,
      outgoingMoves: host.outgoingMoves + change.outgoingMoves,
      incomingMoves: host.incomingMoves + change.incomingMoves,
      slotsBeingFreed: host.slotsBeingFreed + change.slotsBeingFreed,
    };
  }
}

/** The hosts of these sessions. One that is moving has a record on its source host and, if it is in the snapshot, on its target host. */
function findHosts(
  sessions: readonly SessionSnapshot[],
  sessionIds: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const hosts = new Map<string, Set<string>>();
  for (const { sessionId, regionPool, hostId } of sessions) {
    if (!sessionIds.has(sessionId)) continue;
    const known = hosts.get(sessionId) ?? new Set<string>();
    hosts.set(sessionId, known.add(hostKey(regionPool, hostId)));
  }
  return hosts;
}
