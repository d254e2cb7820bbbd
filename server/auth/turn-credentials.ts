import { createHmac, type KeyObject } from 'node:crypto';

/** What a client shows to a TURN server. */
export interface TurnCredentials {
  readonly username: string;
  /** A secret: never log it. */
  readonly credential: string;
}

/**
 * Credentials that a TURN server verifies by itself, knowing the secret and nothing of sessions: the user name is
 * an expiry and a name for its logs, the password is a MAC of the user name. As coturn's `use-auth-secret` has them.
 *
 * An allocation that was made with them lives on after their expiry, which ends the making of new ones only.
 *
 * @param expiresAtMs milliseconds since 1970; rounded up to whole seconds
 * @see https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
 */
export function turnCredentials(secret: KeyObject, sessionId: string, expiresAtMs: number): TurnCredentials {
  const username = `${Math.ceil(expiresAtMs / 1000)}:${sessionId}`;
  // SHA-1 is what the draft and TURN servers have; as an HMAC its collisions are of no use to a forger.
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}
