import type { Catalog } from '../../domain/catalog.js';
import type { SessionSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { toSessionSnapshot } from './session-snapshot.js';

interface CachedSnapshot {
  readonly epoch: number;
  readonly state: string;
  readonly movable: boolean;
  readonly snapshot: SessionSnapshot;
}

/**
 * Caches the session snapshots of the last round. Most of a hundred thousand sessions do not change between rounds, and
 * decoding the match details of each costs more than the plan itself.
 */
export class SessionSnapshotCache {
  #known = new Map<string, CachedSnapshot>();

  constructor(private readonly catalog: Catalog) {}

  /** Converts the records of sessions for plans. @param isExcluded whether a session must not be moved now */
  snapshotSessions(
    sessions: readonly LocatedSession[],
    isExcluded: (sessionId: string) => boolean,
  ): SessionSnapshot[] {
    const next = new Map<string, CachedSnapshot>();
    const snapshots = sessions.map(({ regionPool, session }) => {
      const { sessionId, epoch, state, movable } = session;
      if (isExcluded(sessionId)) return toSessionSnapshot(this.catalog, regionPool, session, 'as_well', true);
      const before = this.#known.get(sessionId);
      const isSame = before?.epoch === epoch && before.state === state && before.movable === movable;
      const known = isSame
        ? before
        : {
            epoch,
            state,
            movable,
            snapshot: toSessionSnapshot(this.catalog, regionPool, session, 'as_well', false),
          };
      next.set(sessionId, known);
      return known.snapshot;
    });
    this.#known = next;
    return snapshots;
  }

  /** Empties the cache, for rounds that read no sessions. */
  clear(): void {
    this.#known.clear();
  }
}
