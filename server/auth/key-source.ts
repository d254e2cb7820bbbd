import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm, TokenKeys } from './auth-config.js';
import { createJwksKeySource } from './jwks-key-source.js';

/** A key, or why there is none: the key set has no such key, or could not be fetched. */
export type KeyLookup =
  | { readonly ok: true; readonly key: KeyObject }
  | { readonly ok: false; readonly reason: 'unknown' | 'unreachable' };

/** Finds the key that verifies a token. Never rejects. */
export interface KeySource {
  /** `keyId` is the token's `kid`, not verified yet; `null` when it has none. */
  find(keyId: string | null, algorithm: TokenAlgorithm): Promise<KeyLookup>;
}

/** The source the configuration names. `now` is the clock, in milliseconds since 1970. */
export function createKeySource(
  keys: TokenKeys,
  algorithms: readonly TokenAlgorithm[],
  now: () => number,
): KeySource {
  switch (keys.kind) {
    case 'secret':
      return singleKey(keys.secret);
    case 'public':
      return singleKey(keys.publicKey);
    case 'jwks':
      return createJwksKeySource({ url: keys.url, algorithms, now });
  }
}

function singleKey(key: KeyObject): KeySource {
  const found: Promise<KeyLookup> = Promise.resolve({ ok: true, key });
  return { find: () => found };
}
