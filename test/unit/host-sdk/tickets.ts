import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** Region, pool and id of the host under test. */
export const ADDRESS = { region: 'dublin', pool: 'pc-rtx', hostId: 'host-1' } as const;

/** Key of the host under test. */
export const TICKET_KEY = keyOf('host-1');

/** A key in the form in which brokers make one for each host: base64url. */
export function keyOf(name: string): string {
  return createHash('sha256').update(`ticket key of ${name}`).digest('base64url');
}

/** Session ids that are easy to tell apart. */
export function sessionIdOf(number: number): string {
  return `01900000-0000-7000-8000-${number.toString().padStart(12, '0')}`;
}

export interface TicketChoices {
  readonly claims?: Record<string, unknown>;
  /** base64url */
  readonly key?: string;
  readonly algorithm?: jwt.Algorithm;
}

/** A ticket for session 1 at epoch 1, valid until 2040, with the changes of the test. */
export function signTicket({
  claims = {},
  key = TICKET_KEY,
  algorithm = 'HS256',
}: TicketChoices = {}): string {
  const payload = {
    iss: 'duskline',
    aud: `host:${ADDRESS.region}/${ADDRESS.pool}/${ADDRESS.hostId}`,
    sub: 'player-1',
    sid: sessionIdOf(1),
    epoch: 1,
    title: 'meadow',
    iat: Date.UTC(2020, 0, 1) / 1000,
    exp: Date.UTC(2040, 0, 1) / 1000,
    ...claims,
  };
  // The claims are signed as text, so that the signer also accepts invalid claims.
  return jwt.sign(JSON.stringify(payload), algorithm === 'none' ? '' : Buffer.from(key, 'base64url'), {
    algorithm,
  });
}
