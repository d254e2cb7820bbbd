import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { TokenAlgorithm } from './auth-config.js';

/** HS256 is no stronger than its secret: as long as the hash, or refused (RFC 7518, section 3.2). */
export const MIN_SECRET_BYTES = 32;

/** RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2048;

/** A random secret of 32 bytes shows fewer different bytes than this once in about 10^25 times. */
const MIN_DIFFERENT_BYTES = 8;

/** The key cannot be used. The message says why and holds nothing of the key. */
export class KeyMaterialError extends Error {
  override readonly name = 'KeyMaterialError';
}

/**
 * A secret as a key.
 * @throws KeyMaterialError when it is shorter than 32 bytes or plainly not random.
 */
export function secretKeyFrom(bytes: Buffer): KeyObject {
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new KeyMaterialError(`has ${bytes.length} bytes, needs at least ${MIN_SECRET_BYTES}`);
  }
  if (new Set(bytes).size < MIN_DIFFERENT_BYTES) {
    throw new KeyMaterialError('repeats a few bytes; take a random one');
  }
  return createSecretKey(bytes);
}

/**
 * The public key in a PEM, fit for the algorithm.
 * @throws KeyMaterialError when there is none, it is a private key, or it does not fit.
 */
export function publicKeyFrom(pem: string, algorithm: Exclude<TokenAlgorithm, 'HS256'>): KeyObject {
  if (pem.includes('PRIVATE KEY')) {
    throw new KeyMaterialError('holds a private key; a broker needs, and should have, the public one only');
  }
  const key = parsed(() => createPublicKey(pem), 'holds no public key in PEM');
  const unfit = unsuitableKeyReason(key, algorithm);
  if (unfit !== null) throw new KeyMaterialError(unfit);
  return key;
}

/**
 * The private key in a PEM, and the algorithm it signs with: ES256 for P-256, RS256 for RSA.
 * @throws KeyMaterialError when there is none, or it suits neither algorithm.
 */
export function privateKeyFrom(pem: string): { readonly key: KeyObject; readonly algorithm: TokenAlgorithm } {
  const key = parsed(() => createPrivateKey(pem), 'holds no private key in PEM');
  const algorithm = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
  const unfit = unsuitableKeyReason(key, algorithm);
  if (unfit !== null) throw new KeyMaterialError(unfit);
  return { key, algorithm };
}

/** Why an asymmetric key cannot serve the algorithm; `null` when it can. */
export function unsuitableKeyReason(key: KeyObject, algorithm: TokenAlgorithm): string | null {
  const details = key.asymmetricKeyDetails;
  switch (algorithm) {
    case 'ES256':
      return details?.namedCurve === 'prime256v1' ? null : 'is no P-256 key, as ES256 needs';
    case 'RS256':
      if (key.asymmetricKeyType !== 'rsa') return 'is no RSA key, as RS256 needs';
      return (details?.modulusLength ?? 0) >= MIN_RSA_BITS
        ? null
        : `has ${details?.modulusLength ?? 0} bits, needs at least ${MIN_RSA_BITS}`;
    case 'HS256':
      return 'is no shared secret, as HS256 needs';
  }
}

function parsed(parse: () => KeyObject, failure: string): KeyObject {
  try {
    return parse();
  } catch {
    // The library's own error may quote the file.
    throw new KeyMaterialError(failure);
  }
}
