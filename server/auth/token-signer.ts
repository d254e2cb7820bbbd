import type { KeyObject } from 'node:crypto';
import { BROKER_AUDIENCE } from '@duskline/protocol/constants';
import jwt from 'jsonwebtoken';
import type { ServerClock } from '../runtime/runtime.js';
import { systemClock } from '../runtime/system-runtime.js';
import type { TokenAlgorithm } from './auth-config.js';
import { isName, SUBJECT_PATTERN } from './claims.js';
import type { Scope } from './principal.js';

/** Contents of a token. Absent scopes default to those that the kind needs. */
export type TokenRequest =
  | {
      readonly kind: 'player';
      readonly playerId: string;
      /** Tier of the player; the default tier when absent. */
      readonly tier?: string;
    }
  | {
      readonly kind: 'host';
      readonly region: string;
      readonly pool: string;
      /** Restricts the token to one host. Any host of the pool may use it when absent. */
      readonly hostId?: string;
    }
  | {
      readonly kind: 'operator';
      readonly operatorId: string;
      /** Default: `ops:read`. */
      readonly scopes?: readonly Extract<Scope, `ops:${string}`>[];
    };

/** Key and header of the tokens. */
export interface TokenSignerOptions {
  /** A secret for HS256, a private key for the other algorithms. */
  readonly key: KeyObject;
  readonly algorithm: TokenAlgorithm;
  /** Claim `iss`; none when absent. */
  readonly issuer?: string;
  /** Header `kid`; none when absent. */
  readonly keyId?: string;
  /** Default: the system's clock. */
  readonly clock?: Pick<ServerClock, 'wallMs'>;
}

/** Signs tokens for development, tests and load tests. In production an identity provider does. */
export interface TokenSigner {
  /**
   * Signs a token that is valid for `ttlMs`, rounded down to whole seconds, at least one.
   *
   * @throws RangeError when the lifetime, a name or an id is not valid
   */
  sign(request: TokenRequest, ttlMs: number): string;
}

/** Creates a signer of tokens that `createTokenVerifier` accepts. */
export function createTokenSigner(options: TokenSignerOptions): TokenSigner {
  const { clock = systemClock } = options;
  return {
    sign(request, ttlMs) {
      if (!Number.isFinite(ttlMs) || ttlMs < 1000)
        throw new RangeError('The lifetime of a token must be at least one second (1000 ms).');
      const iat = Math.floor(clock.wallMs() / 1000);
      const claims = { ...claimsOf(request), aud: BROKER_AUDIENCE, iat, exp: iat + Math.floor(ttlMs / 1000) };
      return jwt.sign(claims, options.key, {
        algorithm: options.algorithm,
        ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
        ...(options.keyId === undefined ? {} : { keyid: options.keyId }),
      });
    },
  };
}

const SUBJECT = new RegExp(SUBJECT_PATTERN);

function claimsOf(request: TokenRequest): Record<string, string> {
  switch (request.kind) {
    case 'player': {
      const { playerId, tier } = request;
      if (tier !== undefined) checkName(tier);
      return { sub: subject(playerId), scope: 'play', ...(tier === undefined ? {} : { tier }) };
    }
    case 'host': {
      const { region, pool, hostId } = request;
      for (const name of [region, pool, hostId]) if (name !== undefined) checkName(name);
      const sub = subject(`${region}/${pool}${hostId === undefined ? '' : `/${hostId}`}`);
      return { sub, scope: 'host', region, pool, ...(hostId === undefined ? {} : { hostId }) };
    }
    case 'operator':
      return { sub: subject(request.operatorId), scope: (request.scopes ?? ['ops:read']).join(' ') };
  }
}

function checkName(name: string): void {
  if (isName(name)) return;
  throw new RangeError(
    'A region, pool, tier or host id must consist of 1 to 63 lower-case letters, digits and hyphens.',
  );
}

function subject(text: string): string {
  if (SUBJECT.test(text)) return text;
  throw new RangeError(
    'A player or operator id must consist of 1 to 128 letters, digits and characters of _.:@+=/~-',
  );
}
