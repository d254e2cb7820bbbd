import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { KeyMaterialError, MIN_SECRET_BYTES } from './key-material.js';

/** As long as the hash of HS256. */
const KEY_BYTES = 32;

/**
 * A key for one purpose out of the ticket master key (HKDF-SHA256, RFC 5869): who learns it learns nothing of the
 * master key, nor of any key derived for another purpose.
 *
 * @param purpose what the key is for, in words that no other use has
 */
export function deriveKey(masterKey: KeyObject, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), purpose, KEY_BYTES)));
}

/** @throws KeyMaterialError when the master key is shorter than 32 bytes. */
export function checkMasterKey(masterKey: KeyObject): void {
  if ((masterKey.symmetricKeySize ?? 0) < MIN_SECRET_BYTES) {
    throw new KeyMaterialError(`The ticket master key needs at least ${MIN_SECRET_BYTES} bytes.`);
  }
}
