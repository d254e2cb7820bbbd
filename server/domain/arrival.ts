/**
 * A session that changes its host holds two slots for a moment: the one that it is on, and its arrival, on the host
 * that it moves to. An arrival is stored beside the session, under an id of its own, until the new host has the client.
 */
const MARK = '+';

/** The id under which the arrival of a session is stored: it has one at the most. */
export function arrivalIdOf(sessionId: string): string {
  return sessionId + MARK;
}

/** The session whose arrival is stored under that id; `undefined` when it is a session's own id. */
export function sessionOfArrival(id: string): string | undefined {
  return id.endsWith(MARK) ? id.slice(0, -MARK.length) : undefined;
}
