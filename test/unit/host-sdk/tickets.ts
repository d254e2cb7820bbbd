import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** Region, pool and name of the host under test. */
export const ADDRESS = { region: 'dublin', pool: 'pc-rtx', hostId: 'host-1' } as const;

/** The key of the host under test. */
export const TICKET_KEY = keyOf('host-1');

/** A key as a broker makes one for each host, base64url. */
export function keyOf(name: string): string {
  return createHash('sha256').update(`ticket key of ${name}`).digest('base64url');
}

/** Session ids that tell apart at a glance. */
export function sessionIdOf(number: number): string {
  return `01900000-0000-7000-8000-${number.toString().padStart(12, '0')}`;
}

export interface TicketChoices {
  readonly claims?: Record<string, unknown>;
  /** base64url */
  readonly key?: string;
  readonly algorithm?: jwt.Algorithm;
}

/** A ticket for session 1, epoch 1, good until 2040, except for what the test changes. */
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
  // As text, so that claims a signer would refuse (or one that is undefined, and left out) get through.
  return jwt.sign(JSON.stringify(payload), algorithm === 'none' ? '' : Buffer.from(key, 'base64url'), {
    algorithm,
  });
}
