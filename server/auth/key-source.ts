import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm } from './auth-config.js';

/** A key, or why there is none: the key set has no such key, or could not be fetched. */
export type KeyLookup =
  | { readonly ok: true; readonly key: KeyObject }
  | { readonly ok: false; readonly reason: 'unknown' | 'unreachable' };

/** Finds the key that verifies a token. Never rejects. */
export interface KeySource {
  /** `keyId` is the token's `kid`, not verified yet; `null` when it has none. */
  find(keyId: string | null, algorithm: TokenAlgorithm): Promise<KeyLookup>;
}
