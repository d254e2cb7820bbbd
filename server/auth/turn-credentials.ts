import { createHmac, type KeyObject } from 'node:crypto';

/** Credentials of a client for a TURN server. */
export interface TurnCredentials {
  readonly username: string;
  /** A secret: never log it. */
  readonly credential: string;
}

/**
 * Creates credentials that a TURN server verifies with the shared secret alone (coturn: `use-auth-secret`). The user name is
 * the expiry and the session id, for the server's logs; the password is a MAC of the user name.
 *
 * After their expiry no new allocation can be made with them; existing allocations stay.
 *
 * @param expiresAtMs milliseconds since 1970; rounded up to whole seconds
 * @see https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
 */
export function turnCredentials(secret: KeyObject, sessionId: string, expiresAtMs: number): TurnCredentials {
  const username = `${Math.ceil(expiresAtMs / 1000)}:${sessionId}`;
  // The draft and TURN servers use SHA-1. Collisions of SHA-1 do not weaken HMAC.
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}
