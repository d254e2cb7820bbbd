import { Type, type Static } from 'typebox';
import { DEFAULT_TURN_TTL_MS, type IceServerConfig } from '../../auth/ice-servers.js';
import type { Path, Report } from '../config-error.js';
import { readTurnSecret, type Environment } from '../secrets.js';
import { entriesOf, listOf, numberOf, textOf } from '../unvalidated-values.js';

const MINUTE_MS = 60_000;

/** No lower case, so that a secret that was put here by mistake is refused before anything repeats it. */
const VARIABLE = '^[A-Z][A-Z0-9_]{0,127}$';

const IceServerEntry = Type.Object(
  {
    urls: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 8 }),
    secretEnv: Type.Optional(Type.String({ pattern: VARIABLE })),
    ttlMs: Type.Optional(
      Type.Integer({ minimum: MINUTE_MS, maximum: 24 * 60 * MINUTE_MS, default: DEFAULT_TURN_TTL_MS }),
    ),
  },
  { additionalProperties: false },
);

/** STUN and TURN servers. All of them go into each `matched`, so they are few. */
export const IceServersSection = Type.Array(IceServerEntry, { maxItems: 8 });
export type IceServersSection = Static<typeof IceServersSection>;

/** RFC 7064 and RFC 7065, with a host as the WHATWG's browsers take it: a name, an IPv4 or a bracketed IPv6 address. */
const STUN_URL = /^stuns?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;
const TURN_URL = /^turns?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i;

/**
 * Checks the `iceServers` section and gets its secrets. What breaks the schema is left for the schema to report;
 * what was reported is left out.
 */
export function resolveIceServers(
  section: unknown,
  env: Environment,
  report: Report,
): readonly IceServerConfig[] {
  return entriesOf(section, ['iceServers']).map(({ path, value }) => {
    const urls = readUrls(value['urls'], path, report);
    const asksForCredentials = urls.some((url) => TURN_URL.test(url));
    const secretEnv = textOf(value['secretEnv']);
    const ttlMs = numberOf(value['ttlMs']);
    if (secretEnv === null) {
      // A browser refuses a TURN server without credentials, and the whole connection with it.
      if (asksForCredentials) report(path, 'needs secretEnv: TURN servers ask for credentials');
      if (ttlMs !== null)
        report([...path, 'ttlMs'], 'belongs to secretEnv: STUN servers take no credentials');
      return { urls, turn: null };
    }
    if (!asksForCredentials && urls.length > 0) {
      report([...path, 'secretEnv'], 'belongs to TURN servers: STUN servers take no credentials');
    }
    if (!new RegExp(VARIABLE).test(secretEnv)) return { urls, turn: null };
    const secret = readTurnSecret(env, secretEnv, [...path, 'secretEnv'], report);
    return { urls, turn: secret === null ? null : { secret, ttlMs: ttlMs ?? DEFAULT_TURN_TTL_MS } };
  });
}

function readUrls(list: unknown, path: Path, report: Report): readonly string[] {
  const seen = new Set<string>();
  return listOf(list).flatMap((url, index) => {
    const at = [...path, 'urls', index];
    if (typeof url !== 'string') return [];
    if (seen.has(url)) report(at, 'is given twice');
    seen.add(url);
    if (STUN_URL.test(url) || TURN_URL.test(url)) return [url];
    report(at, 'must be stun:host:port, or turn:host:port?transport=udp; stuns and turns for TLS');
    return [];
  });
}
