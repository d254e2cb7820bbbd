import { createPublicKey, type KeyObject } from 'node:crypto';
import jwksRsa from 'jwks-rsa';
import type { ServerClock } from '../runtime/runtime.js';
import type { TokenAlgorithm } from './auth-config.js';
import { fetchKeySet } from './fetch-key-set.js';
import { unsuitableKeyReason } from './key-material.js';
import type { KeyLookup, KeySource } from './key-source.js';

/** Options of a key source with a JWKS URL. */
export interface JwksOptions {
  readonly url: string;
  readonly algorithms: readonly TokenAlgorithm[];
  readonly clock: Pick<ServerClock, 'monotonicMs' | 'setBackgroundTimer'>;
  /** How long a key set is used before it is fetched again. A withdrawn key is refused after that. Default: 10 min. */
  readonly freshForMs?: number;
  /** How much longer the last key set is used while the server is unreachable. Default: 1 h. */
  readonly staleForMs?: number;
  /** Minimum time between two fetches, whatever key ids tokens name. Default: 10 s. */
  readonly cooldownMs?: number;
  /** Time limit of one fetch, including its body. Default: 3 s, which is below `helloDeadlineMs`. */
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

/** A key as `jwks-rsa` returns it. Its types require a key id and an algorithm, but published keys may have neither. */
interface LibraryKey {
  readonly kid?: string;
  readonly alg?: string;
  getPublicKey(): string;
}

/**
 * Creates a source of keys from a JWKS URL. It caches the whole set, not single keys: each fetch returns all keys, so tokens
 * with forged key ids cause at most one fetch per cooldown and cannot delay an honest new key for longer.
 *
 * The first token with a new key id causes a fetch, unless the set was fetched within the cooldown. So publish a key at least
 * that long before signing with it.
 */
export function createJwksKeySource(options: JwksOptions): KeySource {
  const { url, algorithms, clock } = options;
  const freshForMs = options.freshForMs ?? 600_000;
  const usableForMs = freshForMs + (options.staleForMs ?? 3_600_000);
  const cooldownMs = options.cooldownMs ?? 10_000;
  const timeoutMs = options.timeoutMs ?? 3_000;

  // The library only converts JWKs into keys: fetches, cache and rate limit are done here.
  const client = jwksRsa({
    jwksUri: url,
    cache: false,
    rateLimit: false,
    fetcher: (uri) => fetchKeySet(uri, timeoutMs, clock),
  });

  let current: KeySet | null = null;
  let attempt: { readonly atMs: number; readonly done: Promise<boolean> } | null = null;

  async function load(): Promise<boolean> {
    try {
      const published = await client.getSigningKeys();
      const keys = published.flatMap((entry) => usableKeys(entry, algorithms));
      current = { keys, fetchedAtMs: clock.monotonicMs() };
      return true;
    } catch {
      return false;
    }
  }

  /** Fetches the set. Joins a running fetch; within the cooldown returns the result of the last one. */
  function refresh(): Promise<boolean> {
    if (attempt === null || clock.monotonicMs() - attempt.atMs >= cooldownMs)
      attempt = { atMs: clock.monotonicMs(), done: load() };
    return attempt.done;
  }

  function lookUp(keyId: string | null, algorithm: TokenAlgorithm, withinMs: number): KeyObject | null {
    if (current === null || clock.monotonicMs() - current.fetchedAtMs >= withinMs) return null;
    const suitable = current.keys.filter((entry) => entry.algorithm === algorithm);
    if (keyId !== null) return suitable.find((entry) => entry.keyId === keyId)?.key ?? null;
    // Without a key id, the key must be the only one: trying all keys would hide a wrong configuration.
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

/** One entry for each configured algorithm that the key is suitable for. */
function usableKeys(entry: LibraryKey, algorithms: readonly TokenAlgorithm[]): readonly PublishedKey[] {
  const key = createPublicKey(entry.getPublicKey());
  return algorithms
    .filter(
      (name) => (entry.alg === undefined || entry.alg === name) && unsuitableKeyReason(key, name) === null,
    )
    .map((algorithm) => ({ keyId: entry.kid ?? null, algorithm, key }));
}
