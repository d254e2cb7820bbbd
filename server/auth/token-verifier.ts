import type { KeyObject } from 'node:crypto';
import { BROKER_AUDIENCE } from '@duskline/protocol/constants';
import jwt from 'jsonwebtoken';
import type { ServerClock } from '../runtime/runtime.js';
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

/** Longer than any token in use. Longer input is refused before it is decoded. */
const MAX_TOKEN_CHARACTERS = 8192;
const MAX_KEY_ID_CHARACTERS = 256;

/** A token that becomes valid within this time is worth waiting for: clocks of issuer and broker differ by seconds. */
const MAX_EARLY_MS = 60_000;

/** Verifies the tokens of players, hosts and operators. */
export interface TokenVerifier {
  /**
   * Verifies a token of the given kind. Never rejects, and no result contains a part of the token. With a JWKS URL it may wait
   * for one fetch (at most 3 s); otherwise it resolves at once.
   */
  verify<K extends PrincipalKind>(kind: K, token: string): Promise<VerifyResult<PrincipalOf[K]>>;
}

export interface TokenVerifierOptions {
  readonly clock: Pick<ServerClock, 'wallMs' | 'monotonicMs' | 'setBackgroundTimer'>;
  /** Source of the keys, for tests. Default: the configured one. */
  readonly keySource?: KeySource;
}

/** Creates a verifier for the configured algorithms, keys and issuer, and the audience `duskline`. */
export function createTokenVerifier(config: AuthConfig, options: TokenVerifierOptions): TokenVerifier {
  const { clock, keySource = createKeySource(config.keys, config.algorithms, clock) } = options;

  return {
    async verify(kind, token) {
      const header = readHeader(token, config.algorithms);
      if (!header.ok) return header;
      const found = await keySource.find(header.keyId, header.algorithm);
      if (!found.ok) {
        return found.reason === 'unreachable'
          ? refuse(
              'UNAVAILABLE',
              'The key of the token cannot be fetched from the JWKS URL at the moment. Try again.',
            )
          : refuse('UNAUTHENTICATED', 'The token is signed with an unknown key.');
      }
      const payload = checkToken(token, found.key, header.algorithm, config, clock.wallMs());
      return payload.ok ? readClaims(kind, payload.claims) : payload;
    },
  };
}

type HeaderResult =
  { readonly ok: true; readonly algorithm: TokenAlgorithm; readonly keyId: string | null } | Refusal;

/** Reads algorithm and key id from the header. They are not verified yet, so they only select among configured keys. */
function readHeader(token: string, allowed: readonly TokenAlgorithm[]): HeaderResult {
  const malformed = refuse('UNAUTHENTICATED', 'The token is not a signed JWT.');
  if (token === '' || token.length > MAX_TOKEN_CHARACTERS) return malformed;
  let header: jwt.JwtHeader;
  try {
    const decoded = jwt.decode(token, { complete: true });
    if (decoded === null) return malformed;
    header = decoded.header;
  } catch {
    // The error of the parser quotes the token.
    return malformed;
  }
  const algorithm = allowed.find((name) => name === header.alg);
  if (algorithm === undefined) {
    return refuse('UNAUTHENTICATED', `The token must be signed with ${allowed.join(' or ')}.`);
  }
  // A token with an unknown critical extension must be refused (RFC 7515, section 4.1.11).
  if (header.crit !== undefined) {
    return refuse('UNAUTHENTICATED', 'The token has an unknown critical header extension (crit).');
  }
  const keyId: unknown = header.kid;
  if (keyId === undefined) return { ok: true, algorithm, keyId: null };
  return typeof keyId === 'string' && keyId.length <= MAX_KEY_ID_CHARACTERS
    ? { ok: true, algorithm, keyId }
    : malformed;
}

type CheckResult = { readonly ok: true; readonly claims: unknown } | Refusal;

/** Verifies signature, times, audience and issuer. */
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
    if (error instanceof jwt.NotBeforeError) {
      // The error has the time in whole milliseconds, and the library compares the claim itself.
      const { nbf } = jwt.decode(token, { json: true }) ?? {};
      return refuseEarlyToken(Number(nbf), config.clockToleranceS, nowMs);
    }
    // These messages are fixed sentences of the library. Any other error may quote the token.
    if (error instanceof jwt.JsonWebTokenError) {
      return refuse('UNAUTHENTICATED', `The token was refused: ${error.message}.`);
    }
    return refuse('UNAUTHENTICATED', 'The token is not valid.');
  }
}

/** @param nbf the token's claim, in seconds */
function refuseEarlyToken(nbf: number, toleranceS: number, nowMs: number): Refusal {
  // The present time is compared in whole seconds.
  const validInMs = (Math.ceil(nbf) - toleranceS) * 1_000 - nowMs;
  return validInMs <= MAX_EARLY_MS
    ? refuse('TOKEN_NOT_YET_VALID', 'The token is not valid yet.', Math.ceil(validInMs))
    : refuse('UNAUTHENTICATED', 'The token becomes valid more than a minute from now.');
}
