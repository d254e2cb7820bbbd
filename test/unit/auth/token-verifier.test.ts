import { createHmac } from 'node:crypto';
import type { PlayerPrincipal, VerifyResult } from '@duskline/server/auth/principal.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { EC, OTHER_EC, OTHER_RSA, pemOf, publicConfig, randomSecret, RSA, secretConfig } from './keys.js';

const NOW_MS = 1_800_000_000_000;
const NOW_S = NOW_MS / 1000;
const clock = { ...systemClock, wallMs: () => NOW_MS };
const secret = randomSecret();
const verifier = createTokenVerifier(secretConfig(secret), { clock });

const PLAYER = { sub: 'alice', aud: 'duskline', scope: 'play', iat: NOW_S, exp: NOW_S + 60 };
const HOST = { ...PLAYER, sub: 'rack-7', scope: 'host', region: 'eu-west', pool: 'console-x' };

function signed(claims: object, options: jwt.SignOptions = {}, key = secret): string {
  return jwt.sign(claims, key, { algorithm: 'HS256', ...options });
}

/** Builds a JWT by hand, for headers that the library refuses to write. */
function handMade(header: object, claims: object, hmacKey: string | null): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${hmacKey === null ? '' : createHmac('sha256', hmacKey).update(body).digest('base64url')}`;
}

function without(claims: Record<string, unknown>, name: string): object {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
}

async function codeOf(
  token: string,
  kind: 'player' | 'host' | 'operator' = 'player',
  by = verifier,
): Promise<string> {
  const result = await by.verify(kind, token);
  return result.ok ? 'ok' : result.code;
}

describe('token verifier', () => {
  describe('principals', () => {
    it('reads a player', async () => {
      const result = await verifier.verify('player', signed({ ...PLAYER, scope: 'openid play' }));
      expect(result).to.deep.equal({
        ok: true,
        principal: {
          kind: 'player',
          playerId: 'alice',
          tier: 'default',
          scopes: ['play'],
          expiresAtMs: NOW_MS + 60_000,
        },
      });
    });

    it('reads the tier of a player, and refuses an invalid name', async () => {
      const result = await verifier.verify('player', signed({ ...PLAYER, tier: 'gold' }));
      expect(result.ok && result.principal.tier).to.equal('gold');
      for (const tier of ['', 'Gold', 'a b', 7, null, ['gold'], 'x'.repeat(64)]) {
        expect(await codeOf(signed({ ...PLAYER, tier })), JSON.stringify(tier)).to.equal('UNAUTHENTICATED');
      }
      expect(await codeOf(signed({ ...HOST, tier: 7 }), 'host')).to.equal('ok');
    });

    it('reads a host, bound to its region and pool', async () => {
      const result = await verifier.verify('host', signed(HOST));
      expect(result).to.deep.equal({
        ok: true,
        principal: {
          kind: 'host',
          subject: 'rack-7',
          region: 'eu-west',
          pool: 'console-x',
          hostId: null,
          scopes: ['host'],
          expiresAtMs: NOW_MS + 60_000,
        },
      });
    });

    it('reads a host bound to one id', async () => {
      const result = await verifier.verify('host', signed({ ...HOST, hostId: 'h1' }));
      expect(result.ok && result.principal.hostId).to.equal('h1');
    });

    it('reads an operator with either scope, and grants no other scope', async () => {
      const result = await verifier.verify('operator', signed({ ...PLAYER, scope: 'ops:write' }));
      expect(result.ok && result.principal.scopes).to.deep.equal(['ops:write']);
      expect(await codeOf(signed({ ...PLAYER, scope: 'ops:read' }), 'operator')).to.equal('ok');
    });

    it('accepts an audience list that contains the broker', async () => {
      expect(await codeOf(signed({ ...PLAYER, aud: ['shop', 'duskline'] }))).to.equal('ok');
    });
  });

  describe('signature and algorithm', () => {
    it('refuses a wrong signature', async () => {
      expect(await codeOf(signed(PLAYER, {}, randomSecret()))).to.equal('UNAUTHENTICATED');
      const other = createTokenVerifier(publicConfig('ES256', EC.publicKey), { clock });
      const token = jwt.sign(PLAYER, OTHER_EC.privateKey, { algorithm: 'ES256' });
      expect(await codeOf(token, 'player', other)).to.equal('UNAUTHENTICATED');
    });

    it('refuses claims that were changed after signing', async () => {
      const [header, , signature] = signed(PLAYER).split('.');
      const claims = Buffer.from(JSON.stringify({ ...PLAYER, sub: 'mallory' })).toString('base64url');
      expect(await codeOf(`${header}.${claims}.${signature}`)).to.equal('UNAUTHENTICATED');
    });

    it('refuses algorithm none, with and without a signature', async () => {
      for (const alg of ['none', 'None', 'NONE', '']) {
        expect(await codeOf(handMade({ alg, typ: 'JWT' }, PLAYER, null))).to.equal('UNAUTHENTICATED');
        expect(await codeOf(handMade({ alg, typ: 'JWT' }, PLAYER, 'x'))).to.equal('UNAUTHENTICATED');
      }
    });

    it('refuses an HS256 token whose secret is the RSA public key', async () => {
      const rsa = createTokenVerifier(publicConfig('RS256', RSA.publicKey), { clock });
      const confused = handMade({ alg: 'HS256', typ: 'JWT' }, PLAYER, pemOf(RSA.publicKey));
      expect(await codeOf(confused, 'player', rsa)).to.equal('UNAUTHENTICATED');
      expect(await codeOf(jwt.sign(PLAYER, RSA.privateKey, { algorithm: 'RS256' }), 'player', rsa)).to.equal(
        'ok',
      );
    });

    it('refuses an algorithm that is not configured, even with the right key', async () => {
      expect(await codeOf(jwt.sign(PLAYER, secret, { algorithm: 'HS384' }))).to.equal('UNAUTHENTICATED');
      const rsa = createTokenVerifier(publicConfig('RS256', RSA.publicKey), { clock });
      const pss = jwt.sign(PLAYER, RSA.privateKey, { algorithm: 'PS256' });
      expect(await codeOf(pss, 'player', rsa)).to.equal('UNAUTHENTICATED');
      const wrongKey = jwt.sign(PLAYER, OTHER_RSA.privateKey, { algorithm: 'RS256' });
      expect(await codeOf(wrongKey, 'player', rsa)).to.equal('UNAUTHENTICATED');
    });

    it('refuses a critical header extension it does not know', async () => {
      const token = signed(PLAYER, { header: { alg: 'HS256', crit: ['exp'] } });
      expect(await codeOf(token)).to.equal('UNAUTHENTICATED');
    });
  });

  describe('times', () => {
    it('reports an expired token as expired, after the clock tolerance', async () => {
      expect(await codeOf(signed({ ...PLAYER, exp: NOW_S - 4 }))).to.equal('ok');
      expect(await codeOf(signed({ ...PLAYER, exp: NOW_S - 5 }))).to.equal('TOKEN_EXPIRED');
    });

    it('does not report a forged token as expired', async () => {
      const token = signed({ ...PLAYER, exp: NOW_S - 60 }, {}, randomSecret());
      expect(await codeOf(token)).to.equal('UNAUTHENTICATED');
    });

    it('says when a token becomes valid that is early by a minute at most beyond the tolerance', async () => {
      const early = async (nbf: number, atMs = NOW_MS): Promise<unknown> => {
        const at = createTokenVerifier(secretConfig(secret), {
          clock: { ...systemClock, wallMs: () => atMs },
        });
        const result = await at.verify('player', signed({ ...PLAYER, exp: NOW_S + 600, nbf }));
        return result.ok ? 'ok' : [result.code, result.retryAfterMs];
      };
      expect(await early(NOW_S + 5)).to.equal('ok');
      expect(await early(NOW_S + 6)).to.deep.equal(['TOKEN_NOT_YET_VALID', 1_000]);
      expect(await early(NOW_S + 6, NOW_MS + 400)).to.deep.equal(['TOKEN_NOT_YET_VALID', 600]);
      expect(await early(NOW_S + 65)).to.deep.equal(['TOKEN_NOT_YET_VALID', 60_000]);
      expect(await early(NOW_S + 66)).to.deep.equal(['UNAUTHENTICATED', undefined]);
      expect(await early(1e300)).to.deep.equal(['UNAUTHENTICATED', undefined]);
    });

    it('accepts an early token at the time that it named, and not a millisecond before', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.double({ min: NOW_S - 10, max: NOW_S + 65, noNaN: true }),
          fc.integer({ min: 0, max: 999 }),
          async (nbf, ms) => {
            const token = signed({ ...PLAYER, exp: NOW_S + 600, nbf });
            const at = (nowMs: number): Promise<VerifyResult<PlayerPrincipal>> =>
              createTokenVerifier(secretConfig(secret), {
                clock: { ...systemClock, wallMs: () => nowMs },
              }).verify('player', token);
            const first = await at(NOW_MS + ms);
            if (first.ok) return;
            expect(first.code).to.equal('TOKEN_NOT_YET_VALID');
            const validAtMs = NOW_MS + ms + first.retryAfterMs!;
            expect((await at(validAtMs)).ok).to.equal(true);
            expect((await at(validAtMs - 1)).ok).to.equal(false);
          },
        ),
        {
          numRuns: 200,
          // Less than a millisecond after a second begins.
          examples: [[NOW_S + 8 + 2 ** -22, 0]],
        },
      );
    });

    it('does not report a forged token as early', async () => {
      const token = signed({ ...PLAYER, nbf: NOW_S + 30 }, {}, randomSecret());
      expect(await codeOf(token)).to.equal('UNAUTHENTICATED');
    });

    it('ignores when a token was issued', async () => {
      expect(await codeOf(signed({ ...PLAYER, iat: NOW_S + 40 }))).to.equal('ok');
    });

    it('refuses a token without an expiry', async () => {
      const endless = without(PLAYER, 'exp');
      expect(await codeOf(signed(endless))).to.equal('UNAUTHENTICATED');
      expect(await codeOf(signed({ ...PLAYER, exp: 1e15 }))).to.equal('UNAUTHENTICATED');
    });
  });

  describe('audience and issuer', () => {
    it('refuses another audience and a missing one', async () => {
      const nobody = without(PLAYER, 'aud');
      expect(await codeOf(signed({ ...PLAYER, aud: 'shop' }))).to.equal('UNAUTHENTICATED');
      expect(await codeOf(signed({ ...PLAYER, aud: 'host:eu-west/console-x/h1' }))).to.equal(
        'UNAUTHENTICATED',
      );
      expect(await codeOf(signed(nobody))).to.equal('UNAUTHENTICATED');
    });

    it('refuses another issuer and a missing one, where one is configured', async () => {
      const strict = createTokenVerifier(secretConfig(secret, 'https://id.example.com'), { clock });
      expect(await codeOf(signed({ ...PLAYER, iss: 'https://id.example.com' }), 'player', strict)).to.equal(
        'ok',
      );
      expect(await codeOf(signed({ ...PLAYER, iss: 'https://evil' }), 'player', strict)).to.equal(
        'UNAUTHENTICATED',
      );
      expect(await codeOf(signed(PLAYER), 'player', strict)).to.equal('UNAUTHENTICATED');
    });
  });

  describe('claims', () => {
    it('answers FORBIDDEN for actions that the scope does not grant', async () => {
      const noScope = without(PLAYER, 'scope');
      expect(await codeOf(signed(noScope))).to.equal('FORBIDDEN');
      expect(await codeOf(signed({ ...PLAYER, scope: 'player display' }))).to.equal('FORBIDDEN');
      expect(await codeOf(signed(PLAYER), 'host')).to.equal('FORBIDDEN');
      expect(await codeOf(signed(PLAYER), 'operator')).to.equal('FORBIDDEN');
      expect(await codeOf(signed(HOST), 'player')).to.equal('FORBIDDEN');
    });

    it('answers FORBIDDEN for a host token without a valid region and pool', async () => {
      const noRegion = without(HOST, 'region');
      const noPool = without(HOST, 'pool');
      expect(await codeOf(signed(noRegion), 'host')).to.equal('FORBIDDEN');
      expect(await codeOf(signed(noPool), 'host')).to.equal('FORBIDDEN');
      expect(await codeOf(signed({ ...HOST, region: 'eu/west' }), 'host')).to.equal('FORBIDDEN');
      expect(await codeOf(signed({ ...HOST, hostId: 7 }), 'host')).to.equal('FORBIDDEN');
    });

    it('refuses a subject that is missing, empty, too long or out of the alphabet', async () => {
      const nobody = without(PLAYER, 'sub');
      expect(await codeOf(signed(nobody))).to.equal('UNAUTHENTICATED');
      for (const sub of ['', 'a'.repeat(129), 'al ice', 'a{b}', 'a\nb', '<script>']) {
        expect(await codeOf(signed({ ...PLAYER, sub })), JSON.stringify(sub)).to.equal('UNAUTHENTICATED');
      }
      expect(await codeOf(signed({ ...PLAYER, sub: 'idp:user/7+a@example.com' }))).to.equal('ok');
    });

    it('refuses a scope claim that is not text', async () => {
      expect(await codeOf(signed({ ...PLAYER, scope: ['play'] }))).to.equal('UNAUTHENTICATED');
    });
  });

  describe('any other input', () => {
    it('refuses any text without throwing or repeating it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.string({ minLength: 20 }), jwtLike()), async (token) => {
          const result = await verifier.verify('player', token);
          expect(result.ok).to.be.false;
          expect(result.ok ? '' : result.message).not.to.include(token);
        }),
        { numRuns: 200 },
      );
    });

    it('reveals nothing about the token in a refusal', async () => {
      const tokens = [
        signed(PLAYER, {}, randomSecret()),
        signed({ ...PLAYER, exp: NOW_S - 60 }),
        signed({ ...PLAYER, sub: 'sec ret' }),
        signed({ ...PLAYER, scope: 'sec-ret' }),
        signed({ ...HOST, region: 'sec ret' }),
      ];
      for (const token of tokens) {
        const result = await verifier.verify('host', token);
        const message = result.ok ? '' : result.message;
        for (const part of [...token.split('.'), 'sec ret', 'sec-ret']) expect(message).not.to.include(part);
      }
    });

    it('refuses an empty and an oversized token', async () => {
      expect(await codeOf('')).to.equal('UNAUTHENTICATED');
      expect(await codeOf(signed({ ...PLAYER, pad: 'x'.repeat(9000) }))).to.equal('UNAUTHENTICATED');
    });
  });
});

function jwtLike(): fc.Arbitrary<string> {
  const part = fc.json().map((json) => Buffer.from(json).toString('base64url'));
  return fc.tuple(part, part, fc.base64String()).map((parts) => parts.join('.'));
}
