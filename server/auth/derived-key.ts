import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { KeyMaterialError, MIN_SECRET_BYTES } from './key-material.js';

/** Length of the hash of HS256. */
const KEY_BYTES = 32;

/**
 * Derives a key of 32 bytes from the ticket master key (HKDF-SHA256, RFC 5869). It reveals nothing about the master key or
 * about keys of other purposes.
 *
 * @param purpose unique text for this use of the key
 */
export function deriveKey(masterKey: KeyObject, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), purpose, KEY_BYTES)));
}

/** Checks the length of the master key. @throws KeyMaterialError when it is shorter than 32 bytes */
export function checkMasterKey(masterKey: KeyObject): void {
  if ((masterKey.symmetricKeySize ?? 0) < MIN_SECRET_BYTES) {
    throw new KeyMaterialError(`The ticket master key needs at least ${MIN_SECRET_BYTES} bytes.`);
  }
}
