import type { KeyObject } from 'node:crypto';
import { Register } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { TICKET_ISSUER } from '@duskline/protocol/constants';
import jwt from 'jsonwebtoken';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { RandomSource, ServerClock } from '../runtime/runtime.js';
import { SUBJECT_PATTERN } from './claims.js';
import { checkMasterKey, deriveKey } from './derived-key.js';

/** Purpose in the key derivation. It differs from those of all ticket keys. */
const PURPOSE = 'duskline resume token v1';

/** Audience of resume tokens. Tokens for brokers and tickets for hosts have others, so that none is accepted as another. */
const AUDIENCE = 'duskline-resume';

/**
 * How long a token is remembered as used beyond its expiry, so that a broker whose clock is late by at most this time does not
 * accept it again.
 */
const CLOCK_SKEW_MS = 60_000;

const { region: Name } = Register.properties;

const ResumeClaims = Compile(
  Type.Object({
    sub: Type.String({ pattern: SUBJECT_PATTERN }),
    tier: Name,
    jti: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
    exp: Type.Integer({ minimum: 0, maximum: 253_402_300_799 }),
  }),
);

/** The claims of a valid resume token. */
export interface Resumed {
  readonly playerId: string;
  readonly tier: string;
  /** Id of the token. Not a secret. */
  readonly tokenId: string;
  /** Expiry of the token, in milliseconds since 1970. The token that replaces it expires at the same time. */
  readonly expiresAtMs: number;
  /** How long the store has to remember that the token was used, in milliseconds. */
  readonly rememberMs: number;
}

/** The claims of a valid token, or why it is refused. Only the store knows whether it was used before. */
export type ResumeResult =
  | { readonly ok: true; readonly resumed: Resumed }
  | {
      readonly ok: false;
      readonly code: Extract<ErrorCode, 'RESUME_TOKEN_INVALID' | 'RESUME_TOKEN_EXPIRED'>;
    };

/** Signs and verifies resume tokens, each of which replaces a player token once. */
export interface ResumeTokens {
  /**
   * Signs a token: an HS256 JWT. A secret: never log it.
   *
   * @param expiresAtMs expiry of the resume token that it replaces; absent if the player showed a player token
   */
  sign(player: { readonly playerId: string; readonly tier: string }, expiresAtMs?: number): string;
  /** Verifies a token. Never throws. */
  verify(token: string): ResumeResult;
}

/** Options of resume tokens. */
export interface ResumeTokenOptions {
  /** How long resume tokens may replace a player token, from when the player showed it, in milliseconds. */
  readonly lifetimeMs: number;
  readonly clock: Pick<ServerClock, 'wallMs'>;
  readonly random: Pick<RandomSource, 'uuid'>;
}

/**
 * Creates resume tokens with a key that all brokers of a fleet derive from the ticket master key. Hosts do not have it.
 *
 * A token that replaces another resume token keeps its expiry. Otherwise a stolen token could be renewed for ever without the
 * identity provider.
 *
 * @throws KeyMaterialError when the master key is shorter than 32 bytes
 */
export function createResumeTokens(masterKey: KeyObject, options: ResumeTokenOptions): ResumeTokens {
  const { lifetimeMs, clock, random } = options;
  checkMasterKey(masterKey);
  const key = deriveKey(masterKey, PURPOSE);

  return {
    sign({ playerId, tier }, expiresAtMs = clock.wallMs() + lifetimeMs) {
      const claims = {
        iss: TICKET_ISSUER,
        aud: AUDIENCE,
        sub: playerId,
        tier,
        jti: random.uuid(),
        iat: Math.floor(clock.wallMs() / 1000),
        exp: Math.ceil(expiresAtMs / 1000),
      };
      return jwt.sign(claims, key, { algorithm: 'HS256' });
    },
    verify(token) {
      const nowMs = clock.wallMs();
      let claims: unknown;
      try {
        claims = jwt.verify(token, key, {
          algorithms: ['HS256'],
          audience: AUDIENCE,
          issuer: TICKET_ISSUER,
          clockTimestamp: Math.floor(nowMs / 1000),
        });
      } catch (error) {
        // Other messages of the library may quote the token. It checks the expiry after the signature.
        return {
          ok: false,
          code: error instanceof jwt.TokenExpiredError ? 'RESUME_TOKEN_EXPIRED' : 'RESUME_TOKEN_INVALID',
        };
      }
      if (!ResumeClaims.Check(claims)) return { ok: false, code: 'RESUME_TOKEN_INVALID' };
      const { sub: playerId, tier, jti: tokenId } = claims;
      const expiresAtMs = claims.exp * 1000;
      const rememberMs = Math.max(0, expiresAtMs - nowMs) + CLOCK_SKEW_MS;
      return { ok: true, resumed: { playerId, tier, tokenId, expiresAtMs, rememberMs } };
    },
  };
}
