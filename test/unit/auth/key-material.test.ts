import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  KeyMaterialError,
  privateKeyFrom,
  publicKeyFrom,
  secretKeyFrom,
} from '@duskline/server/auth/key-material.js';
import { expect } from 'chai';
import { EC, P384, pemOf, RSA } from './keys.js';

describe('key material', () => {
  it('accepts secrets of 32 bytes and more, and refuses shorter ones', () => {
    expect(secretKeyFrom(randomBytes(32)).symmetricKeySize).to.equal(32);
    expect(() => secretKeyFrom(randomBytes(31))).to.throw(
      KeyMaterialError,
      'has 31 bytes, needs at least 32',
    );
  });

  it('refuses a secret that repeats a few bytes', () => {
    expect(() => secretKeyFrom(Buffer.from('abcd'.repeat(16)))).to.throw(KeyMaterialError, 'random');
  });

  it('accepts a public key that fits the algorithm', () => {
    expect(publicKeyFrom(pemOf(EC.publicKey), 'ES256').type).to.equal('public');
    expect(publicKeyFrom(pemOf(RSA.publicKey), 'RS256').type).to.equal('public');
  });

  it('refuses a public key of another kind or curve', () => {
    expect(() => publicKeyFrom(pemOf(RSA.publicKey), 'ES256')).to.throw(KeyMaterialError, 'P-256');
    expect(() => publicKeyFrom(pemOf(P384.publicKey), 'ES256')).to.throw(KeyMaterialError, 'P-256');
    expect(() => publicKeyFrom(pemOf(EC.publicKey), 'RS256')).to.throw(KeyMaterialError, 'RSA');
  });

  it('refuses a short RSA key', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(() => publicKeyFrom(pemOf(short.publicKey), 'RS256')).to.throw(KeyMaterialError, '1024 bits');
    expect(() => privateKeyFrom(pemOf(short.privateKey))).to.throw(KeyMaterialError, '1024 bits');
  });

  it('refuses a private key in place of a public one', () => {
    expect(() => publicKeyFrom(pemOf(EC.privateKey), 'ES256')).to.throw(KeyMaterialError, 'private key');
  });

  it('refuses text that is not PEM, without quoting it', () => {
    for (const read of [() => publicKeyFrom('hunter2', 'ES256'), () => privateKeyFrom('hunter2')]) {
      expect(read).to.throw(KeyMaterialError).with.property('message').that.does.not.include('hunter2');
    }
  });

  it('detects the algorithm of a private key', () => {
    expect(privateKeyFrom(pemOf(EC.privateKey)).algorithm).to.equal('ES256');
    expect(privateKeyFrom(pemOf(RSA.privateKey)).algorithm).to.equal('RS256');
    expect(() => privateKeyFrom(pemOf(P384.privateKey))).to.throw(KeyMaterialError, 'P-256');
  });
});
