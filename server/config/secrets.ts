import type { KeyObject } from 'node:crypto';
import { KeyMaterialError, secretKeyFrom } from '../auth/key-material.js';
import type { Path, Report } from './config-error.js';
import { Secret } from './secret.js';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The shared secret of HS256 tokens: at least 32 bytes of UTF-8. Used with `auth.algorithms: [HS256]` only. */
export const AUTH_SECRET = 'DUSKLINE_AUTH_SECRET';

/** The ticket master key, in hex or base64: at least 32 bytes, the same on every broker. */
export const TICKET_MASTER_KEY = 'DUSKLINE_TICKET_MASTER_KEY';

/** The password of Redis; no password if unset. */
export const REDIS_PASSWORD = 'DUSKLINE_REDIS_PASSWORD';

const GENERATE = 'make one with: openssl rand -base64 48';

/** Reads the secret of HS256 tokens. @returns `null` after reporting a mistake */
export function readAuthSecret(env: Environment, report: Report): KeyObject | null {
  const text = env[AUTH_SECRET];
  if (text === undefined || text === '') {
    report([AUTH_SECRET], `is not set, and HS256 needs it; ${GENERATE}`);
    return null;
  }
  return keyFrom(Buffer.from(text, 'utf8'), AUTH_SECRET, report);
}

/** Reads the ticket master key. @returns `null` after reporting a mistake */
export function readTicketMasterKey(env: Environment, report: Report): KeyObject | null {
  const text = env[TICKET_MASTER_KEY]?.trim();
  if (text === undefined || text === '') {
    report([TICKET_MASTER_KEY], `is not set; ${GENERATE}`);
    return null;
  }
  if (text === env[AUTH_SECRET]?.trim()) {
    report(
      [TICKET_MASTER_KEY],
      `must differ from ${AUTH_SECRET}: a service that signs tokens must not be able to sign tickets`,
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

/** Secrets that must not be shared with TURN servers, which could sign tokens and tickets or connect to Redis with them. */
const RESERVED: readonly string[] = [AUTH_SECRET, TICKET_MASTER_KEY, REDIS_PASSWORD];

/**
 * Reads a secret shared with TURN servers: the UTF-8 bytes of an environment variable.
 *
 * @param name name of the variable
 * @param path path of that name in the configuration
 * @returns `null` after reporting a mistake
 */
export function readTurnSecret(env: Environment, name: string, path: Path, report: Report): KeyObject | null {
  const text = env[name];
  if (RESERVED.includes(name)) {
    report(path, `must not be ${name}: the TURN servers would know that secret`);
    return null;
  }
  if (text === undefined || text === '') {
    report([name], `is not set, and iceServers names it; ${GENERATE}`);
    return null;
  }
  if (RESERVED.some((other) => env[other] === text)) {
    report([name], 'must differ from all other secrets: the TURN servers would know them');
    return null;
  }
  return keyFrom(Buffer.from(text, 'utf8'), name, report);
}

/** Reads the password of Redis. @returns `null` if none is set */
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

/** Decodes hex or base64. Text that could be both is hex: base64 of random bytes is valid hex with a probability of 10^-19. */
function decode(text: string): Buffer | null {
  if (/^(?:[0-9A-Fa-f]{2})+$/.test(text)) return Buffer.from(text, 'hex');
  const digits = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(text)?.[1];
  // A single remaining digit has only six bits: the text was truncated.
  return digits === undefined || digits.length % 4 === 1 ? null : Buffer.from(digits, 'base64');
}
