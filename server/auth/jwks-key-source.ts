import { createPublicKey, type KeyObject } from 'node:crypto';
import jwksRsa from 'jwks-rsa';
import type { TokenAlgorithm } from './auth-config.js';
import { fetchKeySet } from './fetch-key-set.js';
import { unsuitableKeyReason } from './key-material.js';
import type { KeyLookup, KeySource } from './key-source.js';

export interface JwksOptions {
  readonly url: string;
  readonly algorithms: readonly TokenAlgorithm[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long a key set is used before it is fetched again; a withdrawn key is refused after it. Default 10 min. */
  readonly freshForMs?: number;
  /** How much longer the last key set serves while the server is away. Default 1 h. */
  readonly staleForMs?: number;
  /** The least time between two fetches, whatever key ids tokens name. Default 10 s. */
  readonly cooldownMs?: number;
  /** How long one fetch may take, first byte to last. Default 3 s: below the hello deadline. */
  readonly timeoutMs?: number;
}

interface PublishedKey {
  readonly keyId: string | null;
  readonly algorithm: TokenAlgorithm;
  readonly key: KeyObject;
}

interface KeySet {
  readonly keys: readonly PublishedKey[];
  readonly fetchedAtMs: number;
}

/** The library's types promise a key id and an algorithm; a published key may have neither. */
interface LibraryKey {
  readonly kid?: string;
  readonly alg?: string;
  getPublicKey(): string;
}

/**
 * Keys from a JWKS URL. One cache for the whole set, not one per key id: a fetch learns all keys, so forged key
 * ids cost at most one fetch per cool-down and can never use up the allowance of an honest new key for long.
 *
 * A new key is found by the first token that names it, unless the set was fetched within the cool-down: publish
 * a key at least that long before signing with it.
 */
export function createJwksKeySource(options: JwksOptions): KeySource {
  const { url, algorithms, now } = options;
  const freshForMs = options.freshForMs ?? 600_000;
  const usableForMs = freshForMs + (options.staleForMs ?? 3_600_000);
  const cooldownMs = options.cooldownMs ?? 10_000;
  const timeoutMs = options.timeoutMs ?? 3_000;

  // The library turns JWKs into keys; fetching, caching and limiting are ours, so its own are off.
  const client = jwksRsa({
    jwksUri: url,
    cache: false,
    rateLimit: false,
    fetcher: (uri) => fetchKeySet(uri, timeoutMs),
  });

  let current: KeySet | null = null;
  let attempt: { readonly atMs: number; readonly done: Promise<boolean> } | null = null;

  async function load(): Promise<boolean> {
    try {
      const published = await client.getSigningKeys();
      const keys = published.flatMap((entry) => usableKeys(entry, algorithms));
      current = { keys, fetchedAtMs: now() };
      return true;
    } catch {
      return false;
    }
  }

  /** Fetches the set, joins the fetch under way, or repeats the last answer within the cool-down. */
  function refresh(): Promise<boolean> {
    if (attempt === null || now() - attempt.atMs >= cooldownMs) attempt = { atMs: now(), done: load() };
    return attempt.done;
  }

  function lookUp(keyId: string | null, algorithm: TokenAlgorithm, withinMs: number): KeyObject | null {
    if (current === null || now() - current.fetchedAtMs >= withinMs) return null;
    const suitable = current.keys.filter((entry) => entry.algorithm === algorithm);
    if (keyId !== null) return suitable.find((entry) => entry.keyId === keyId)?.key ?? null;
    // Without a key id the choice must be clear; trying one key after the other would hide a mistake.
    return suitable.length === 1 ? (suitable[0]?.key ?? null) : null;
  }

  return {
    async find(keyId, algorithm): Promise<KeyLookup> {
      const known = lookUp(keyId, algorithm, freshForMs);
      if (known !== null) return { ok: true, key: known };
      const fetched = await refresh();
      const key = lookUp(keyId, algorithm, usableForMs);
      if (key !== null) return { ok: true, key };
      return { ok: false, reason: fetched ? 'unknown' : 'unreachable' };
    },
  };
}

/** The key once for each configured algorithm it serves; a key that fits none is left out. */
function usableKeys(entry: LibraryKey, algorithms: readonly TokenAlgorithm[]): readonly PublishedKey[] {
  const key = createPublicKey(entry.getPublicKey());
  return algorithms
    .filter(
      (name) => (entry.alg === undefined || entry.alg === name) && unsuitableKeyReason(key, name) === null,
    )
    .map((algorithm) => ({ keyId: entry.kid ?? null, algorithm, key }));
}
