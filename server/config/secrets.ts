import type { KeyObject } from 'node:crypto';
import { KeyMaterialError, secretKeyFrom } from '../auth/key-material.js';
import type { Path, Report } from './config-error.js';
import { Secret } from './secret.js';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The shared secret of HS256 tokens: its UTF-8 bytes, 32 at least. Read with `auth.algorithms: [HS256]` only. */
export const AUTH_SECRET = 'DUSKLINE_AUTH_SECRET';

/** The key of all tickets, in hex or base64: 32 bytes at least, the same on every broker. */
export const TICKET_MASTER_KEY = 'DUSKLINE_TICKET_MASTER_KEY';

/** Redis's password; none when unset. */
export const REDIS_PASSWORD = 'DUSKLINE_REDIS_PASSWORD';

const GENERATE = 'make one with: openssl rand -base64 48';

/** The secret of HS256 tokens; `null` after reporting why there is none. */
export function readAuthSecret(env: Environment, report: Report): KeyObject | null {
  const text = env[AUTH_SECRET];
  if (text === undefined || text === '') {
    report([AUTH_SECRET], `is not set, and HS256 needs it; ${GENERATE}`);
    return null;
  }
  return keyFrom(Buffer.from(text, 'utf8'), AUTH_SECRET, report);
}

/** The ticket master key; `null` after reporting why there is none. */
export function readTicketMasterKey(env: Environment, report: Report): KeyObject | null {
  const text = env[TICKET_MASTER_KEY]?.trim();
  if (text === undefined || text === '') {
    report([TICKET_MASTER_KEY], `is not set; ${GENERATE}`);
    return null;
  }
  if (text === env[AUTH_SECRET]?.trim()) {
    report(
      [TICKET_MASTER_KEY],
      `must differ from ${AUTH_SECRET}: who may issue tokens may not issue tickets`,
    );
    return null;
  }
  const bytes = decode(text);
  if (bytes === null) {
    report([TICKET_MASTER_KEY], 'is neither hex nor base64');
    return null;
  }
  return keyFrom(bytes, TICKET_MASTER_KEY, report);
}

/** Secrets that serve another end: whoever may make TURN credentials may not sign tokens or tickets, or enter Redis. */
const RESERVED: readonly string[] = [AUTH_SECRET, TICKET_MASTER_KEY, REDIS_PASSWORD];

/**
 * The secret shared with TURN servers, its UTF-8 bytes, from the variable that the configuration names; `null` after
 * reporting why there is none.
 *
 * @param path where the configuration names it
 */
export function readTurnSecret(env: Environment, name: string, path: Path, report: Report): KeyObject | null {
  const text = env[name];
  if (RESERVED.includes(name)) {
    report(path, `must not be ${name}: a TURN server would learn it`);
    return null;
  }
  if (text === undefined || text === '') {
    report([name], `is not set, and iceServers names it; ${GENERATE}`);
    return null;
  }
  if (RESERVED.some((other) => env[other] === text)) {
    report([name], 'must differ from every other secret: a TURN server would learn it');
    return null;
  }
  return keyFrom(Buffer.from(text, 'utf8'), name, report);
}

/** Redis's password; `null` when none is set. */
export function readRedisPassword(env: Environment): Secret | null {
  const text = env[REDIS_PASSWORD];
  return text === undefined || text === '' ? null : new Secret(text);
}

function keyFrom(bytes: Buffer, name: string, report: Report): KeyObject | null {
  try {
    return secretKeyFrom(bytes);
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    report([name], error.message);
    return null;
  }
}

/** Hex wins where a text could be both: base64 of random bytes is all hex once in about 10^19 times. */
function decode(text: string): Buffer | null {
  if (/^(?:[0-9A-Fa-f]{2})+$/.test(text)) return Buffer.from(text, 'hex');
  const digits = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(text)?.[1];
  // One digit left over holds six bits of a byte: something was cut off.
  return digits === undefined || digits.length % 4 === 1 ? null : Buffer.from(digits, 'base64');
}
