import { Type, type Static } from 'typebox';
import { Epoch, Name, SessionId } from './identifiers.js';

/**
 * What a ticket says: an HS256 JWT with issuer `duskline` and audience `host:<region>/<pool>/<hostId>`, signed with a key
 * that only the broker and this one host know.
 */
export const TicketClaims = Type.Object({
  iss: Type.Literal('duskline'),
  aud: Type.String(),
  /** The player. */
  sub: Type.String(),
  /** The session. */
  sid: SessionId,
  epoch: Epoch,
  title: Name,
  /** Seconds since 1970. */
  iat: Type.Integer(),
  exp: Type.Integer(),
});
export type TicketClaims = Static<typeof TicketClaims>;
