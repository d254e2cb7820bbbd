import type { KeyObject } from 'node:crypto';

/**
 * The algorithms a token may be signed with. `none` is not among them, and nothing a token says about
 * itself adds to the configured list.
 */
export const TOKEN_ALGORITHMS = ['HS256', 'ES256', 'RS256'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** What holds where the configuration says nothing. */
export const DEFAULT_CLOCK_TOLERANCE_S = 5;

/**
 * Where the keys that verify tokens come from. Keys are `KeyObject`s: a string key is parsed again for every
 * token, and would show up in a log that prints it.
 */
export type TokenKeys =
  | { readonly kind: 'secret'; readonly secret: KeyObject }
  | { readonly kind: 'public'; readonly publicKey: KeyObject }
  | { readonly kind: 'jwks'; readonly url: string };

/** How tokens are verified. */
export interface AuthConfig {
  /** `HS256` stands alone, never beside an asymmetric algorithm. */
  readonly algorithms: readonly TokenAlgorithm[];
  /** The only issuer accepted; `null` accepts any. */
  readonly issuer: string | null;
  /** How far clocks may differ when `exp` and `nbf` are judged, in seconds. */
  readonly clockToleranceS: number;
  readonly keys: TokenKeys;
}
