import { Type, type Static } from 'typebox';
import { Epoch, Name, SessionId } from './identifiers.js';

/** Claims of a ticket: an HS256 JWT, signed with a key that only the brokers and this one host know. */
export const TicketClaims = Type.Object({
  iss: Type.Literal('duskline'),
  /** `host:<region>/<pool>/<hostId>` */
  aud: Type.String(),
  /** The player's id. */
  sub: Type.String(),
  /** The session's id. */
  sid: SessionId,
  epoch: Epoch,
  title: Name,
  /** Rises each time the session gets another connection of its player; 0 when absent. */
  seq: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Seconds since 1970. */
  iat: Type.Integer(),
  exp: Type.Integer(),
});
export type TicketClaims = Static<typeof TicketClaims>;
