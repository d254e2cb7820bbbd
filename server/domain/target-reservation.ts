/**
 * Suffix of the ids of target reservations. A session that moves holds two slots: its own, and a target reservation on the
 * target host. The store keeps the target reservation as a session of its own until the client has reached the target host.
 */
const TARGET_SUFFIX = '+';

/** Id of the target reservation of a session. A session has at most one. */
export function targetReservationIdOf(sessionId: string): string {
  return sessionId + TARGET_SUFFIX;
}

/** Id of the session that a target reservation belongs to; `undefined` if `id` is the id of a session itself. */
export function sessionOfTargetReservation(id: string): string | undefined {
  return id.endsWith(TARGET_SUFFIX) ? id.slice(0, -TARGET_SUFFIX.length) : undefined;
}
