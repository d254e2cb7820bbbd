import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm } from './auth-config.js';

/** A key, or why there is none: `unknown` to the key set, or the key set is `unreachable`. */
export type KeyLookup =
  | { readonly ok: true; readonly key: KeyObject }
  | { readonly ok: false; readonly reason: 'unknown' | 'unreachable' };

/** Finds the key that verifies a token. Never rejects. */
export interface KeySource {
  /** @param keyId the token's `kid`, not verified yet; `null` if it has none */
  find(keyId: string | null, algorithm: TokenAlgorithm): Promise<KeyLookup>;
}
