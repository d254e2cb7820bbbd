import { isLinked, newClientSession } from '../../domain/client-session/client-session.js';
import type { ServerClock } from '../../runtime/runtime.js';
import { ExpiringRecords } from '../expiring-records.js';
import type { ClientConnection, ClientSessionRecord, HeldSession } from './connections.js';
import { SessionsInGroups } from './sessions-in-groups.js';

/**
 * The sessions of this broker's clients, one record each. Those that a connected client has are kept until they are over, all others
 * for `resumeWindowMs`: of clients that disconnected, sessions that are being placed again, and those that may come back. The store
 * has them too; the broker needs its own records to restore them when the store loses its data.
 */
export class ClientSessionDirectory {
  readonly #linked = new SessionsInGroups<ClientSessionRecord>();
  readonly #kept: ExpiringRecords<ClientSessionRecord>;
  /** Number of linked sessions, by player. */
  readonly #linkedOfPlayer = new Map<string, number>();

  constructor(resumeWindowMs: number, clock: Pick<ServerClock, 'monotonicMs'>) {
    this.#kept = new ExpiringRecords(resumeWindowMs, clock, undefined, (record) => {
      record.client?.removeSession(record);
    });
  }

  find(sessionId: string): ClientSessionRecord | undefined {
    return this.#linked.get(sessionId) ?? this.#kept.get(sessionId);
  }

  /** The session's record; a new one if this broker knows nothing of the session. The new one is kept from its first change on. */
  findOrCreate(sessionId: string): ClientSessionRecord {
    return (
      this.find(sessionId) ?? {
        sessionId,
        client: null,
        playerId: '',
        state: newClientSession(),
        lastDrainWarning: null,
      }
    );
  }

  /** The session as a connected client knows it. */
  findHeld(sessionId: string): HeldSession | undefined {
    return heldBy(this.#linked.get(sessionId));
  }

  /** The connection that receives the session's events, if it is open. */
  clientOf(sessionId: string): ClientConnection | undefined {
    return this.#linked.get(sessionId)?.client ?? undefined;
  }

  /** Whether any connection of the player has a session. */
  hasSessionOf(playerId: string): boolean {
    return this.#linkedOfPlayer.has(playerId);
  }

  /** The sessions that connected clients have. */
  get linked(): readonly ClientSessionRecord[] {
    return this.#linked.values();
  }

  /** Those of one group (`groupOfSession`). */
  linkedOf(group: number): readonly ClientSessionRecord[] {
    return this.#linked.valuesOf(group);
  }

  /** The sessions of clients that disconnected. */
  get disconnected(): readonly ClientSessionRecord[] {
    return this.#kept.all.filter(({ state }) => state.phase.name === 'away');
  }

  /** Files a record where its phase belongs. */
  file(record: ClientSessionRecord): void {
    const { sessionId, state } = record;
    if (isLinked(state.phase)) {
      if (this.#linked.get(sessionId) === record) return;
      this.#kept.forget(sessionId);
      this.#linked.set(sessionId, record);
      this.#countLinked(record, 1);
      return;
    }
    if (this.#linked.get(sessionId) === record) {
      this.#linked.delete(sessionId);
      this.#countLinked(record, -1);
    }
    if (state.phase.name === 'over' || state.phase.name === 'away') {
      record.client?.removeSession(record);
      record.client = null;
    }
    if (state.phase.name !== 'over') this.#kept.add(record);
    else if (this.#kept.get(sessionId) === record) this.#kept.forget(sessionId);
  }

  /** Gives a session to a connection, and takes it from the one that had it before. */
  link(record: ClientSessionRecord, client: ClientConnection): void {
    if (record.client === client) return;
    record.client?.removeSession(record);
    record.client = client;
    client.addSession(record);
  }

  #countLinked({ playerId }: ClientSessionRecord, change: 1 | -1): void {
    const count = (this.#linkedOfPlayer.get(playerId) ?? 0) + change;
    if (count === 0) this.#linkedOfPlayer.delete(playerId);
    else this.#linkedOfPlayer.set(playerId, count);
  }
}

/** The session as its connected client knows it; `undefined` if no connected client has it. */
export function heldBy(record: ClientSessionRecord | undefined): HeldSession | undefined {
  if (record === undefined) return undefined;
  const { phase } = record.state;
  return isLinked(phase) ? phase.held : undefined;
}

/** The session with this id that the connection has. */
export function heldByClient(client: ClientConnection, sessionId: string): HeldSession | undefined {
  return heldBy(client.sessions.get(sessionId));
}
