import { Type, type Static } from 'typebox';

/**
 * Name of a region, pool, title or host: lower-case letters, digits and hyphens.
 * The narrow alphabet lets names stand in Redis keys, metric labels and URLs without escaping.
 */
export const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });

/** An id a client chooses for one `play`. Repeating a request with the same id is safe. */
export const RequestId = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$' });
export type RequestId = Static<typeof RequestId>;

/** A session's id: UUID version 7, made by a broker. */
export const SessionId = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
});
export type SessionId = Static<typeof SessionId>;

/** A session's assignment number, from 1; what carries an older one is refused. */
export const Epoch = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

/** A signed token. The bound keeps a hello frame far below the frame limit. */
export const Token = Type.String({ minLength: 16, maxLength: 8192 });

/** Milliseconds, as a duration. */
export const DurationMs = Type.Integer({ minimum: 0 });
