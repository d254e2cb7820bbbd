import type { KeyObject } from 'node:crypto';
import { BROKER_AUDIENCE } from '@duskline/protocol/constants';
import jwt from 'jsonwebtoken';
import type { AuthConfig, TokenAlgorithm } from './auth-config.js';
import { readClaims } from './claims.js';
import { createKeySource } from './create-key-source.js';
import type { KeySource } from './key-source.js';
import {
  refuse,
  type PrincipalKind,
  type PrincipalOf,
  type Refusal,
  type VerifyResult,
} from './principal.js';

/** Longer than any token in use, short enough that refusing one costs nothing. */
const MAX_TOKEN_CHARACTERS = 8192;
const MAX_KEY_ID_CHARACTERS = 256;

/** Verifies the tokens of players, hosts and operators. */
export interface TokenVerifier {
  /**
   * Judges a token as one of the given kind. Never rejects, and no answer holds a part of the token.
   * With a JWKS URL it may wait for one fetch (3 s at most); otherwise it answers at once.
   */
  verify<K extends PrincipalKind>(kind: K, token: string): Promise<VerifyResult<PrincipalOf[K]>>;
}

export interface TokenVerifierOptions {
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
  /** Where keys come from. Default: what the configuration names. */
  readonly keySource?: KeySource;
}

/** A verifier for the configured algorithms, keys and issuer, and the audience `duskline`. */
export function createTokenVerifier(config: AuthConfig, options: TokenVerifierOptions = {}): TokenVerifier {
  const now = options.now ?? Date.now;
  const keySource = options.keySource ?? createKeySource(config.keys, config.algorithms, now);

  return {
    async verify(kind, token) {
      const header = readHeader(token, config.algorithms);
      if (!header.ok) return header;
      const found = await keySource.find(header.keyId, header.algorithm);
      if (!found.ok) {
        return found.reason === 'unreachable'
          ? refuse('UNAVAILABLE', 'The key that signed the token cannot be fetched at the moment.')
          : refuse('UNAUTHENTICATED', 'The token is signed with a key that is not known.');
      }
      const payload = checkToken(token, found.key, header.algorithm, config, now());
      return payload.ok ? readClaims(kind, payload.claims) : payload;
    },
  };
}

type HeaderResult =
  { readonly ok: true; readonly algorithm: TokenAlgorithm; readonly keyId: string | null } | Refusal;

/** Reads what is needed to find the key. Nothing here is verified yet, so it only ever narrows. */
function readHeader(token: string, allowed: readonly TokenAlgorithm[]): HeaderResult {
  const malformed = refuse('UNAUTHENTICATED', 'The token is not a signed JWT.');
  if (token === '' || token.length > MAX_TOKEN_CHARACTERS) return malformed;
  let header: jwt.JwtHeader;
  try {
    const decoded = jwt.decode(token, { complete: true });
    if (decoded === null) return malformed;
    header = decoded.header;
  } catch {
    // The parser's error quotes what it could not parse, which is the token.
    return malformed;
  }
  const algorithm = allowed.find((name) => name === header.alg);
  if (algorithm === undefined) {
    return refuse('UNAUTHENTICATED', `The token must be signed with ${allowed.join(' or ')}.`);
  }
  // RFC 7515, section 4.1.11: an extension marked critical and not understood voids the token.
  if (header.crit !== undefined) {
    return refuse('UNAUTHENTICATED', 'The token has a critical header extension that is not known here.');
  }
  const keyId: unknown = header.kid;
  if (keyId === undefined) return { ok: true, algorithm, keyId: null };
  return typeof keyId === 'string' && keyId.length <= MAX_KEY_ID_CHARACTERS
    ? { ok: true, algorithm, keyId }
    : malformed;
}

type CheckResult = { readonly ok: true; readonly claims: unknown } | Refusal;

/** Signature, times, audience and issuer. */
function checkToken(
  token: string,
  key: KeyObject,
  algorithm: TokenAlgorithm,
  config: AuthConfig,
  nowMs: number,
): CheckResult {
  try {
    const claims = jwt.verify(token, key, {
      algorithms: [algorithm],
      audience: BROKER_AUDIENCE,
      ...(config.issuer === null ? {} : { issuer: config.issuer }),
      clockTolerance: config.clockToleranceS,
      clockTimestamp: Math.floor(nowMs / 1000),
    });
    return { ok: true, claims };
  } catch (error) {
    if (error instanceof jwt.TokenExpiredError) return refuse('TOKEN_EXPIRED', 'The token has expired.');
    if (error instanceof jwt.NotBeforeError) return refuse('UNAUTHENTICATED', 'The token is not valid yet.');
    // These messages are the library's own sentences; any other error may quote the token.
    if (error instanceof jwt.JsonWebTokenError) {
      return refuse('UNAUTHENTICATED', `The token was refused: ${error.message}.`);
    }
    return refuse('UNAUTHENTICATED', 'The token is not valid.');
  }
}
