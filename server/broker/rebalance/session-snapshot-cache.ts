import type { Catalog } from '../../domain/catalog.js';
import type { SessionSnapshot } from '../../domain/rebalance/snapshot/fleet-snapshot.js';
import type { LocatedSession } from '../sessions/sessions-on-target.js';
import { toSessionSnapshot } from './session-snapshot.js';

interface CachedSnapshot {
  readonly epoch: number;
  readonly state: string;
  readonly movable: boolean;
  readonly picture: SessionSnapshot;
}

/**
 * Pictures of the sessions of the round before: most of a hundred thousand sessions are as they were two seconds ago, and to
 * read what each of them may do costs more than the plan itself.
 */
export class SessionSnapshotCache {
  #known = new Map<string, CachedSnapshot>();

  constructor(private readonly catalog: Catalog) {}

  /** @param isLeft whether a session is to be left alone at the moment */
  snapshotSessions(
    seated: readonly LocatedSession[],
    isLeft: (sessionId: string) => boolean,
  ): SessionSnapshot[] {
    const next = new Map<string, CachedSnapshot>();
    const pictures = seated.map(({ place, session }) => {
      const { sessionId, epoch, state, movable } = session;
      if (isLeft(sessionId)) return toSessionSnapshot(this.catalog, place, session, 'as_well', true);
      const before = this.#known.get(sessionId);
      const isSame = before?.epoch === epoch && before.state === state && before.movable === movable;
      const known = isSame
        ? before
        : {
            epoch,
            state,
            movable,
            picture: toSessionSnapshot(this.catalog, place, session, 'as_well', false),
          };
      next.set(sessionId, known);
      return known.picture;
    });
    this.#known = next;
    return pictures;
  }

  /** Nobody is to be moved at the moment. */
  clear(): void {
    this.#known.clear();
  }
}
