import { createHmac, createSecretKey } from 'node:crypto';
import { TicketVerifier } from '@duskline/host/internal/admission/ticket-verifier';
import { deriveKey } from '@duskline/server/auth/derived-key.js';
import { KeyMaterialError } from '@duskline/server/auth/key-material.js';
import { createResumeTokens, type ResumeTokens } from '@duskline/server/auth/resume-tokens.js';
import { createTicketSigner } from '@duskline/server/auth/ticket-signer.js';
import { createTokenSigner } from '@duskline/server/auth/token-signer.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { systemRuntime } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { randomSecret, secretConfig } from './keys.js';

const NOW_MS = 1_800_000_000_000;
const LIFETIME_MS = 3_600_000;
const ALICE = { playerId: 'alice', tier: 'gold' };
const PURPOSE = 'duskline resume token v1';
const master = randomSecret();

function tokensAt(nowMs: number, key = master): ResumeTokens {
  return createResumeTokens(key, {
    ...systemRuntime,
    lifetimeMs: LIFETIME_MS,
    clock: { wallMs: () => nowMs },
  });
}

const tokens = tokensAt(NOW_MS);

function codeOf(token: string, by = tokens): string {
  const result = by.verify(token);
  return result.ok ? 'ok' : result.code;
}

/** A resume token with changed claims, signed with the right key. */
function signedWith(claims: object, options: jwt.SignOptions = {}): string {
  const good = jwt.decode(tokens.sign(ALICE)) as object;
  return jwt.sign(JSON.stringify({ ...good, ...claims }), deriveKey(master, PURPOSE), {
    algorithm: 'HS256',
    ...options,
  });
}

/** Builds a JWT by hand, for headers that the library refuses to write. */
function handMade(header: object, key: Buffer | null): string {
  const claims = jwt.decode(tokens.sign(ALICE));
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${key === null ? '' : createHmac('sha256', key).update(body).digest('base64url')}`;
}

describe('resume tokens', () => {
  it('contain player, tier and expiry, and how long a used one must be remembered', () => {
    const result = tokens.verify(tokens.sign(ALICE));
    expect(result.ok && { ...result.resumed, tokenId: '' }).to.deep.equal({
      ...ALICE,
      tokenId: '',
      expiresAtMs: NOW_MS + LIFETIME_MS,
      rememberMs: LIFETIME_MS + 60_000,
    });
  });

  it('are accepted on every broker with the same master key, and on no other', () => {
    const token = tokens.sign(ALICE);
    expect(codeOf(token, tokensAt(NOW_MS))).to.equal('ok');
    expect(codeOf(token, tokensAt(NOW_MS, randomSecret()))).to.equal('RESUME_TOKEN_INVALID');
  });

  it('have unique ids', () => {
    const ids = Array.from({ length: 100 }, () => {
      const result = tokens.verify(tokens.sign(ALICE));
      return result.ok ? result.resumed.tokenId : null;
    });
    expect(new Set(ids).size).to.equal(100);
  });

  it('expire', () => {
    const token = tokens.sign(ALICE);
    expect(codeOf(token, tokensAt(NOW_MS + LIFETIME_MS - 1))).to.equal('ok');
    expect(codeOf(token, tokensAt(NOW_MS + LIFETIME_MS))).to.equal('RESUME_TOKEN_EXPIRED');
  });

  it('that are renewed keep the expiry of the first', () => {
    let token = tokens.sign(ALICE);
    for (let nowMs = NOW_MS; nowMs < NOW_MS + LIFETIME_MS; nowMs += 600_000) {
      const broker = tokensAt(nowMs);
      const result = broker.verify(token);
      if (!result.ok) throw new Error(result.code);
      expect(result.resumed.expiresAtMs).to.equal(NOW_MS + LIFETIME_MS);
      token = broker.sign(result.resumed, result.resumed.expiresAtMs);
    }
    expect(codeOf(token, tokensAt(NOW_MS + LIFETIME_MS))).to.equal('RESUME_TOKEN_EXPIRED');
  });

  it('are signed with a key that is derived as documented', () => {
    const known = createSecretKey(Buffer.from('0123456789abcdef0123456789abcdef'));
    // Computed with another tool: HKDF-SHA256, no salt, info "duskline resume token v1".
    const key = Buffer.from('fd5f44353cd95d566850ae9a954ce81953f2f369c67af69f045996611f6354de', 'hex');
    const claims = jwt.verify(tokensAt(NOW_MS, known).sign(ALICE), key, {
      algorithms: ['HS256'],
      clockTimestamp: NOW_MS / 1000,
    });
    expect(claims).to.include({ iss: 'duskline', aud: 'duskline-resume', sub: 'alice', tier: 'gold' });
  });

  it('require a master key of sufficient length', () => {
    const short = createSecretKey(Buffer.from('short'));
    expect(() => tokensAt(NOW_MS, short)).to.throw(KeyMaterialError, 'at least 32 bytes');
  });

  const key = deriveKey(master, PURPOSE).export();
  const refused: Record<string, string> = {
    'text that is not a token': 'not-a-token-but-long-enough',
    'three empty parts': '..................',
    'algorithm none': handMade({ alg: 'none', typ: 'JWT' }, null),
    'algorithm none, but signed': handMade({ alg: 'none', typ: 'JWT' }, key),
    'another algorithm and the right key': signedWith({}, { algorithm: 'HS512' }),
    'the algorithm RS256 in the header': handMade({ alg: 'RS256', typ: 'JWT' }, key),
    'another key': jwt.sign(jwt.decode(tokens.sign(ALICE)) as object, randomSecret()),
    'the master key itself': jwt.sign(jwt.decode(tokens.sign(ALICE)) as object, master),
    'no audience': signedWith({ aud: undefined }),
    'the audience of tokens': signedWith({ aud: 'duskline' }),
    'the audience of tickets': signedWith({ aud: 'host:eu-west/console-x/h1' }),
    'another issuer': signedWith({ iss: 'somebody' }),
    'no expiry': signedWith({ exp: undefined }),
    'no id': signedWith({ jti: undefined }),
    'an invalid id': signedWith({ jti: 'x'.repeat(4_000) }),
    'no tier': signedWith({ tier: undefined }),
    'an invalid tier': signedWith({ tier: 'Gold' }),
    'an invalid player id': signedWith({ sub: 'a b' }),
    'no player': signedWith({ sub: undefined }),
  };
  for (const [what, token] of Object.entries(refused)) {
    it(`with ${what} are refused`, () => {
      expect(tokens.verify(token)).to.deep.equal({ ok: false, code: 'RESUME_TOKEN_INVALID' });
    });
  }

  it('that were changed after signing are refused, expired or not', () => {
    const [header, , signature] = tokens.sign(ALICE).split('.');
    const claims = { ...(jwt.decode(tokens.sign(ALICE)) as object), sub: 'mallory' };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const forged = `${header}.${body}.${signature}`;
    expect(codeOf(forged)).to.equal('RESUME_TOKEN_INVALID');
    expect(codeOf(forged, tokensAt(NOW_MS + 2 * LIFETIME_MS))).to.equal('RESUME_TOKEN_INVALID');
  });

  describe('compared with other kinds of tokens', () => {
    const regionPool = { region: 'eu-west', pool: 'console-x' };
    const address = { ...regionPool, hostId: 'h1' };
    const mint = createTicketSigner(master);

    it('are not accepted as player tokens, not even under the same secret', async () => {
      for (const secret of [master, deriveKey(master, PURPOSE)]) {
        const verifier = createTokenVerifier(secretConfig(secret), {
          clock: { ...systemRuntime.clock, wallMs: () => NOW_MS },
        });
        for (const kind of ['player', 'host', 'operator'] as const) {
          const result = await verifier.verify(kind, tokens.sign(ALICE));
          expect(result).to.include({ ok: false, code: 'UNAUTHENTICATED' });
        }
      }
    });

    it('are not accepted as tickets, not even under the same key', () => {
      for (const ticketKey of [mint.hostKey(regionPool, 'h1'), key]) {
        const verifier = new TicketVerifier({ address, wallMs: () => NOW_MS, toleranceMs: 0 });
        verifier.setKey(ticketKey.toString('base64url'));
        expect(verifier.verify(tokens.sign(ALICE)).ok).to.equal(false);
      }
    });

    it('are not accepted in place of a player token, not even under the same key', () => {
      for (const secret of [master, deriveKey(master, PURPOSE)]) {
        const signer = createTokenSigner({
          key: secret,
          algorithm: 'HS256',
          clock: { wallMs: () => NOW_MS },
        });
        expect(codeOf(signer.sign({ kind: 'player', ...ALICE }, 60_000))).to.equal('RESUME_TOKEN_INVALID');
      }
    });

    it('are not accepted in place of a ticket', () => {
      const ticket = mint.sign({
        ...address,
        sessionId: '01890a5d-ac96-774b-bcce-b302099a8057',
        epoch: 1,
        playerId: 'alice',
        title: 'starfall',
        seq: 0,
        ttlMs: 30_000,
        nowMs: NOW_MS,
      });
      expect(codeOf(ticket)).to.equal('RESUME_TOKEN_INVALID');
    });
  });
});
