import { Type, type Static } from 'typebox';
import { DEFAULT_TURN_TTL_MS, type IceServerConfig } from '../../auth/ice-servers.js';
import type { Path, Report } from '../config-error.js';
import { readTurnSecret, type Environment } from '../secrets.js';
import { entriesOf, listOf, numberOf, textOf } from '../unvalidated-values.js';

const MINUTE_MS = 60_000;

/** Upper case only, so that a secret that is put here by mistake is refused without being repeated in a message. */
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

/** STUN and TURN servers. Each `matched` contains all of them, so the list is short. */
export const IceServersSection = Type.Array(IceServerEntry, { maxItems: 8 });
export type IceServersSection = Static<typeof IceServersSection>;

/** RFC 7064 and RFC 7065. The host is a name, an IPv4 address or a bracketed IPv6 address. */
const STUN_URL = /^stuns?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;
const TURN_URL = /^turns?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i;

/**
 * Checks section `iceServers` and reads its secrets. Violations of the schema are not reported here. Values with mistakes are
 * left out of the result.
 */
export function resolveIceServers(
  section: unknown,
  env: Environment,
  report: Report,
): readonly IceServerConfig[] {
  return entriesOf(section, ['iceServers']).map(({ path, value }) => {
    const urls = readUrls(value['urls'], path, report);
    const hasTurn = urls.some((url) => TURN_URL.test(url));
    const secretEnv = textOf(value['secretEnv']);
    const ttlMs = numberOf(value['ttlMs']);
    if (secretEnv === null) {
      // `RTCPeerConnection` throws for TURN servers without credentials.
      if (hasTurn) report(path, 'needs secretEnv: TURN servers require credentials');
      if (ttlMs !== null) report([...path, 'ttlMs'], 'needs secretEnv: STUN servers have no credentials');
      return { urls, turn: null };
    }
    if (!hasTurn && urls.length > 0) {
      report([...path, 'secretEnv'], 'is for TURN servers only: STUN servers have no credentials');
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
    if (seen.has(url)) report(at, 'occurs twice');
    seen.add(url);
    if (STUN_URL.test(url) || TURN_URL.test(url)) return [url];
    report(at, 'must be stun:host:port, or turn:host:port?transport=udp; stuns and turns for TLS');
    return [];
  });
}
