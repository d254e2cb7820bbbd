import { createTokenSigner, type TokenRequest } from '@duskline/server/auth/token-signer.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { EC, publicConfig, randomSecret, RSA, secretConfig } from './keys.js';

const NOW_MS = 1_800_000_000_000;
const clock = { ...systemClock, wallMs: () => NOW_MS };

describe('token signer', () => {
  const secret = randomSecret();
  const signer = createTokenSigner({ key: secret, algorithm: 'HS256', issuer: 'dev', keyId: 'k1', clock });
  const verifier = createTokenVerifier(secretConfig(secret, 'dev'), { clock });

  it('signs tokens for players, hosts and operators that the verifier accepts', async () => {
    const requests: TokenRequest[] = [
      { kind: 'player', playerId: 'alice@example.com' },
      { kind: 'player', playerId: 'alice', tier: 'gold' },
      { kind: 'host', region: 'eu-west', pool: 'console-x', hostId: 'h1' },
      { kind: 'host', region: 'eu-west', pool: 'console-x' },
      { kind: 'operator', operatorId: 'olivia', scopes: ['ops:read', 'ops:write'] },
    ];
    for (const request of requests) {
      const result = await verifier.verify(request.kind, signer.sign(request, 60_000));
      expect(result.ok, JSON.stringify(result)).to.be.true;
    }
  });

  it('signs with ES256 and RS256', async () => {
    for (const [algorithm, pair] of [
      ['ES256', EC],
      ['RS256', RSA],
    ] as const) {
      const token = createTokenSigner({ key: pair.privateKey, algorithm, clock }).sign(
        { kind: 'player', playerId: 'alice' },
        60_000,
      );
      const other = createTokenVerifier(publicConfig(algorithm, pair.publicKey), { clock });
      expect((await other.verify('player', token)).ok).to.be.true;
    }
  });

  it('gives operators read access only by default', async () => {
    const token = signer.sign({ kind: 'operator', operatorId: 'olivia' }, 60_000);
    const result = await verifier.verify('operator', token);
    expect(result.ok && result.principal.scopes).to.deep.equal(['ops:read']);
  });

  it('includes issuer, key id and times', () => {
    const token = signer.sign({ kind: 'player', playerId: 'alice' }, 90_500);
    const { header, payload } = jwt.decode(token, { complete: true })!;
    expect(header).to.include({ alg: 'HS256', kid: 'k1' });
    expect(payload).to.include({ iss: 'dev', iat: NOW_MS / 1000, exp: NOW_MS / 1000 + 90 });
  });

  it('refuses ids and times that the verifier would refuse', () => {
    expect(() => signer.sign({ kind: 'player', playerId: 'al ice' }, 60_000)).to.throw(RangeError, 'id');
    expect(() => signer.sign({ kind: 'host', region: 'EU', pool: 'x' }, 60_000)).to.throw(
      RangeError,
      'region',
    );
    expect(() => signer.sign({ kind: 'player', playerId: 'alice', tier: 'Gold' }, 60_000)).to.throw(
      RangeError,
      'tier',
    );
    for (const ttlMs of [0, 999, -1, Number.NaN, Infinity]) {
      expect(() => signer.sign({ kind: 'player', playerId: 'alice' }, ttlMs)).to.throw(RangeError, 'second');
    }
  });
});
