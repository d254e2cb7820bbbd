import { randomUUID, type KeyObject } from 'node:crypto';
import { Register } from '@duskline/protocol';
import type { ErrorCode } from '@duskline/protocol/codes';
import { TICKET_ISSUER } from '@duskline/protocol/constants';
import jwt from 'jsonwebtoken';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { SUBJECT_PATTERN } from './claims.js';
import { checkMasterKey, deriveKey } from './derived-key.js';

/** Part of the derivation: no ticket key, of whatever host, is derived with these words. */
const PURPOSE = 'duskline resume token v1';

/** Neither a broker's audience nor a host's: what is signed for one of them is refused here, and the reverse. */
const AUDIENCE = 'duskline-resume';

/**
 * How much longer than a token lasts it is remembered as used: by so much the clocks of two brokers may differ
 * before one of them takes a used token that the store has forgotten.
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

/** A player who showed a resume token. */
export interface Resumed {
  readonly playerId: string;
  readonly tier: string;
  /** Names the token, and is no secret. */
  readonly tokenId: string;
  /** When the token ends, in milliseconds since 1970: the one that takes its place ends then too. */
  readonly expiresAtMs: number;
  /** How long it has to be remembered that the token was used. */
  readonly rememberMs: number;
}

/** Genuine (whether it was used before, only the store knows), or why it is refused. No answer holds a part of it. */
export type ResumeResult =
  | { readonly ok: true; readonly resumed: Resumed }
  | {
      readonly ok: false;
      readonly code: Extract<ErrorCode, 'RESUME_TOKEN_INVALID' | 'RESUME_TOKEN_EXPIRED'>;
    };

/** Tokens that stand for a player's token, once. */
export interface ResumeTokens {
  /**
   * A token: an HS256 JWT. A secret: never log it.
   *
   * @param expiresAtMs of the token whose place it takes; absent when the player showed a player token
   */
  sign(player: { readonly playerId: string; readonly tier: string }, expiresAtMs?: number): string;
  /** Judges a token. Never throws. */
  verify(token: string): ResumeResult;
}

export interface ResumeTokenOptions {
  /** How long after a player token was shown resume tokens may stand for it. */
  readonly lifetimeMs: number;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/**
 * Resume tokens under a key that all brokers of a fleet derive from the ticket master key, and no host has.
 *
 * A token that takes another one's place ends when that one does: a chain of resumptions must not outlive what the
 * identity provider once vouched for, or whoever stole one token would have an account for ever.
 *
 * @throws KeyMaterialError when the master key is shorter than 32 bytes.
 */
export function createResumeTokens(masterKey: KeyObject, options: ResumeTokenOptions): ResumeTokens {
  const { lifetimeMs, now = Date.now } = options;
  checkMasterKey(masterKey);
  const key = deriveKey(masterKey, PURPOSE);

  return {
    sign({ playerId, tier }, expiresAtMs = now() + lifetimeMs) {
      const claims = {
        iss: TICKET_ISSUER,
        aud: AUDIENCE,
        sub: playerId,
        tier,
        jti: randomUUID(),
        iat: Math.floor(now() / 1000),
        exp: Math.ceil(expiresAtMs / 1000),
      };
      return jwt.sign(claims, key, { algorithm: 'HS256' });
    },
    verify(token) {
      const nowMs = now();
      let claims: unknown;
      try {
        claims = jwt.verify(token, key, {
          algorithms: ['HS256'],
          audience: AUDIENCE,
          issuer: TICKET_ISSUER,
          clockTimestamp: Math.floor(nowMs / 1000),
        });
      } catch (error) {
        // Whatever else the library says may quote the token. It looks at times only after the signature.
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
