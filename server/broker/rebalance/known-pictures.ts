import type { Catalog } from '../../domain/catalog.js';
import type { SessionPicture } from '../../domain/rebalance/picture.js';
import type { SeatedSession } from '../drained-sessions.js';
import { sessionPicture } from './session-picture.js';

interface Known {
  readonly epoch: number;
  readonly state: string;
  readonly movable: boolean;
  readonly picture: SessionPicture;
}

/**
 * Pictures of the sessions of the round before: most of a hundred thousand sessions are as they were two seconds ago, and to
 * read what each of them may do costs more than the plan itself.
 */
export class KnownPictures {
  #known = new Map<string, Known>();

  constructor(private readonly catalog: Catalog) {}

  /** @param isLeft whether a session is to be left alone at the moment */
  draw(seated: readonly SeatedSession[], isLeft: (sessionId: string) => boolean): SessionPicture[] {
    const next = new Map<string, Known>();
    const pictures = seated.map(({ place, session }) => {
      const { sessionId, epoch, state, movable } = session;
      if (isLeft(sessionId)) return sessionPicture(this.catalog, place, session, 'as_well', true);
      const before = this.#known.get(sessionId);
      const isSame = before?.epoch === epoch && before.state === state && before.movable === movable;
      const known = isSame
        ? before
        : {
            epoch,
            state,
            movable,
            picture: sessionPicture(this.catalog, place, session, 'as_well', false),
          };
      next.set(sessionId, known);
      return known.picture;
    });
    this.#known = next;
    return pictures;
  }

  /** Nobody is to be moved at the moment. */
  forget(): void {
    this.#known.clear();
  }
}
