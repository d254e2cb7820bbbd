/**
 * A session that changes its host holds two slots for a moment: the one that it is on, and its arrival, on the host
 * that it moves to. An arrival is stored beside the session, under an id of its own, until the new host has the client.
 */
const TARGET_SUFFIX = '+';

/** The id under which the arrival of a session is stored: it has one at the most. */
export function targetReservationIdOf(sessionId: string): string {
  return sessionId + TARGET_SUFFIX;
}

/** The session whose arrival is stored under that id; `undefined` when it is a session's own id. */
export function sessionOfTargetReservation(id: string): string | undefined {
  return id.endsWith(TARGET_SUFFIX) ? id.slice(0, -TARGET_SUFFIX.length) : undefined;
}
