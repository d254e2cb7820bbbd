import type { Heartbeat } from '@duskline/protocol';
import {
  ABSENT,
  listedOf,
  type HostSession,
  type HostSessionEffect,
  type HostSessionEvent,
} from '../../domain/host-session/host-session.js';
import { step } from '../../domain/host-session/step.js';
import type { ReportedSession } from '../../store/fleet-store.js';

/** A session's machine, and the last list of the host that has the session. */
interface Entry {
  session: HostSession;
  listNumber: number;
}

/** The sessions of one host's connection: one record each, for those that the host has or was sent. */
export class HostSessions {
  readonly #entries = new Map<string, Entry>();
  #listNumber = 0;

  /** @param sessions those that the host lists as running when it registers */
  constructor(sessions: readonly ReportedSession[]) {
    for (const { sessionId, epoch, state } of sessions)
      this.apply(sessionId, { type: 'listed', epoch, state });
  }

  get(sessionId: string): HostSession {
    return this.#entries.get(sessionId)?.session ?? ABSENT;
  }

  /** Applies an event. Returns what has to be sent to the host. */
  apply(sessionId: string, event: HostSessionEvent): readonly HostSessionEffect[] {
    const entry = this.#entries.get(sessionId);
    const { session, effects } = step(entry?.session ?? ABSENT, event);
    if (session.phase.name === 'absent') this.#entries.delete(sessionId);
    else if (entry === undefined) this.#entries.set(sessionId, { session, listNumber: this.#listNumber });
    else entry.session = session;
    return effects;
  }

  /** Applies a heartbeat, which lists all sessions that run on the host, and perhaps those that it is ready for. */
  receiveList({ sessions, prepared }: Pick<Heartbeat, 'sessions' | 'prepared'>): void {
    this.#listNumber += 1;
    for (const { sessionId, epoch, state } of sessions) {
      const entry = this.#entries.get(sessionId);
      if (entry === undefined || !isListedAs(entry.session, epoch, state))
        this.apply(sessionId, { type: 'listed', epoch, state });
      const listed = this.#entries.get(sessionId);
      if (listed !== undefined) listed.listNumber = this.#listNumber;
    }
    const ready =
      prepared === undefined
        ? undefined
        : new Map(prepared.map(({ sessionId, epoch }) => [sessionId, epoch]));
    for (const [sessionId, { listNumber }] of this.#entries) {
      if (listNumber === this.#listNumber) continue;
      this.apply(sessionId, {
        type: 'unlisted',
        prepared: ready === undefined ? undefined : (ready.get(sessionId) ?? 'none'),
      });
    }
  }

  /** The sessions that run on the host, according to its last list and its reports since, in the form of the store. */
  get listed(): ReportedSession[] {
    const sessions: ReportedSession[] = [];
    for (const [sessionId, { session }] of this.#entries) {
      const listed = listedOf(session);
      if (listed !== null) sessions.push({ sessionId, epoch: listed.epoch, state: listed.state });
    }
    return sessions;
  }

  /** The sessions that the store knows to be movable, at the epoch that it knows. */
  get storedMovable(): { readonly sessionId: string; readonly epoch: number }[] {
    const movable: { readonly sessionId: string; readonly epoch: number }[] = [];
    for (const [sessionId, { session }] of this.#entries) {
      if (session.storedMovableEpoch !== null) movable.push({ sessionId, epoch: session.storedMovableEpoch });
    }
    return movable;
  }
}

/** Most sessions are listed as before. */
function isListedAs({ phase }: HostSession, epoch: number, state: string): boolean {
  return phase.name === 'held' && phase.listed.epoch === epoch && phase.listed.state === state;
}
