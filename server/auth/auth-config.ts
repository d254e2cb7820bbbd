import type { KeyObject } from 'node:crypto';

/**
 * Signature algorithms of tokens. `none` is not among them, and only configured ones are accepted, whatever the header of a
 * token says.
 */
export const TOKEN_ALGORITHMS = ['HS256', 'ES256', 'RS256'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Clock tolerance if the configuration does not set it, in seconds. */
export const DEFAULT_CLOCK_TOLERANCE_S = 5;

/**
 * Source of the keys that verify tokens. Keys are `KeyObject`s: a string would be parsed again for every token, and could
 * appear in a log.
 */
export type TokenKeys =
  | { readonly kind: 'secret'; readonly secret: KeyObject }
  | { readonly kind: 'public'; readonly publicKey: KeyObject }
  | { readonly kind: 'jwks'; readonly url: string };

/** How tokens are verified. */
export interface AuthConfig {
  /** Accepted algorithms. `HS256` is never combined with an asymmetric one. */
  readonly algorithms: readonly TokenAlgorithm[];
  /** The only accepted issuer; `null` accepts any. */
  readonly issuer: string | null;
  /** Tolerated clock difference for `exp` and `nbf`, in seconds. */
  readonly clockToleranceS: number;
  readonly keys: TokenKeys;
}
