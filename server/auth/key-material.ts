import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { TokenAlgorithm } from './auth-config.js';

/** Minimum length of an HS256 secret: the length of the hash (RFC 7518, section 3.2). */
export const MIN_SECRET_BYTES = 32;

/** Minimum length of an RSA key (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2048;

/** Minimum number of distinct bytes of a secret. A random secret of 32 bytes has fewer with a probability of about 10^-25. */
const MIN_DIFFERENT_BYTES = 8;

/** The key cannot be used. The message says why and contains nothing of the key. */
export class KeyMaterialError extends Error {
  override readonly name = 'KeyMaterialError';
}

/**
 * Converts a secret to a key.
 *
 * @throws KeyMaterialError when it is shorter than 32 bytes or obviously not random
 */
export function secretKeyFrom(bytes: Buffer): KeyObject {
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new KeyMaterialError(`has ${bytes.length} bytes, needs at least ${MIN_SECRET_BYTES}`);
  }
  if (new Set(bytes).size < MIN_DIFFERENT_BYTES) {
    throw new KeyMaterialError('consists of a few repeated bytes; use a random secret');
  }
  return createSecretKey(bytes);
}

/**
 * Reads a public key in PEM.
 *
 * @throws KeyMaterialError when there is no public key, there is a private one, or it is not suitable for the algorithm
 */
export function publicKeyFrom(pem: string, algorithm: Exclude<TokenAlgorithm, 'HS256'>): KeyObject {
  if (pem.includes('PRIVATE KEY')) {
    throw new KeyMaterialError('contains a private key; give brokers the public key only');
  }
  const key = parsed(() => createPublicKey(pem), 'contains no public key in PEM');
  const problem = unsuitableKeyReason(key, algorithm);
  if (problem !== null) throw new KeyMaterialError(problem);
  return key;
}

/**
 * Reads a private key in PEM, and the algorithm that it signs with: ES256 for P-256, RS256 for RSA.
 *
 * @throws KeyMaterialError when there is no private key, or it is not suitable for either algorithm
 */
export function privateKeyFrom(pem: string): { readonly key: KeyObject; readonly algorithm: TokenAlgorithm } {
  const key = parsed(() => createPrivateKey(pem), 'contains no private key in PEM');
  const algorithm = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
  const problem = unsuitableKeyReason(key, algorithm);
  if (problem !== null) throw new KeyMaterialError(problem);
  return { key, algorithm };
}

/** Why the key is not suitable for the algorithm; `null` if it is. */
export function unsuitableKeyReason(key: KeyObject, algorithm: TokenAlgorithm): string | null {
  const details = key.asymmetricKeyDetails;
  switch (algorithm) {
    case 'ES256':
      return details?.namedCurve === 'prime256v1' ? null : 'is not a P-256 key, which ES256 needs';
    case 'RS256':
      if (key.asymmetricKeyType !== 'rsa') return 'is not an RSA key, which RS256 needs';
      return (details?.modulusLength ?? 0) >= MIN_RSA_BITS
        ? null
        : `has ${details?.modulusLength ?? 0} bits, needs at least ${MIN_RSA_BITS}`;
    case 'HS256':
      return 'is not a shared secret, which HS256 needs';
  }
}

function parsed(parse: () => KeyObject, failure: string): KeyObject {
  try {
    return parse();
  } catch {
    // The error of the library may quote the file.
    throw new KeyMaterialError(failure);
  }
}
