import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm, TokenKeys } from './auth-config.js';
import type { JwksOptions } from './jwks-key-source.js';
import type { KeyLookup, KeySource } from './key-source.js';

/** Creates the configured key source. `now` is the clock, in milliseconds since 1970. */
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
      return publishedKeys({ url: keys.url, algorithms, now });
  }
}

function singleKey(key: KeyObject): KeySource {
  const found: Promise<KeyLookup> = Promise.resolve({ ok: true, key });
  return { find: () => found };
}

/** Loads the library for key sets only if a URL is configured. */
function publishedKeys(options: JwksOptions): KeySource {
  const source = import('./jwks-key-source.js').then((jwks) => jwks.createJwksKeySource(options));
  return { find: async (keyId, algorithm) => (await source).find(keyId, algorithm) };
}
