import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import type { AuthConfig } from '@duskline/server/auth/auth-config.js';
import { secretKeyFrom } from '@duskline/server/auth/key-material.js';

/** Keys for the tests of this folder, generated once. */
export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const OTHER_RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const EC = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
export const OTHER_EC = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
export const P384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });

export function randomSecret(): KeyObject {
  return secretKeyFrom(randomBytes(32));
}

export function pemOf(key: KeyObject): string {
  const type = key.type === 'private' ? 'pkcs8' : 'spki';
  return key.export({ format: 'pem', type }).toString();
}

export function secretConfig(secret: KeyObject, issuer: string | null = null): AuthConfig {
  return { algorithms: ['HS256'], issuer, clockToleranceS: 5, keys: { kind: 'secret', secret } };
}

export function publicConfig(algorithm: 'ES256' | 'RS256', publicKey: KeyObject): AuthConfig {
  return {
    algorithms: [algorithm],
    issuer: null,
    clockToleranceS: 0,
    keys: { kind: 'public', publicKey },
  };
}
