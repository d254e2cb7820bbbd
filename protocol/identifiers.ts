import { Type, type Static } from 'typebox';

/**
 * Name of a region, pool, title, host or tier: 1 to 63 lower-case letters, digits and hyphens, so that it needs no
 * escaping in Redis keys, metric labels and URLs.
 */
export const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });

/** Id of a request, made by the client. Repeating the request with the same id is safe. */
export const RequestId = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' });
export type RequestId = Static<typeof RequestId>;

/** Id of a session: a UUID version 7, made by a broker. */
export const SessionId = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
});
export type SessionId = Static<typeof SessionId>;

/** Number of a session's assignment to a host, from 1. It rises with each assignment; messages with an older one are refused. */
export const Epoch = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

/** A signed token. Its maximum length keeps `hello` far below the largest frame. */
export const Token = Type.String({ minLength: 16, maxLength: 8192 });

/** A duration in milliseconds. */
export const DurationMs = Type.Integer({ minimum: 0 });
