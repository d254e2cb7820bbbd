import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm, TokenKeys } from './auth-config.js';
import type { JwksOptions } from './jwks-key-source.js';
import type { KeyLookup, KeySource } from './key-source.js';

/** Creates the configured key source. */
export function createKeySource(
  keys: TokenKeys,
  algorithms: readonly TokenAlgorithm[],
  clock: JwksOptions['clock'],
): KeySource {
  switch (keys.kind) {
    case 'secret':
      return singleKey(keys.secret);
    case 'public':
      return singleKey(keys.publicKey);
    case 'jwks':
      return publishedKeys({ url: keys.url, algorithms, clock });
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
