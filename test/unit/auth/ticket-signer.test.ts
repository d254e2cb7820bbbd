import { randomBytes } from 'node:crypto';
import { TICKET_ISSUER, TicketClaims } from '@duskline/protocol';
import { secretKeyFrom } from '@duskline/server/auth/key-material.js';
import { createTicketSigner, ticketAudience } from '@duskline/server/auth/ticket-signer.js';
import { createTokenVerifier } from '@duskline/server/auth/token-verifier.js';
import { systemClock } from '@duskline/server/runtime/system-runtime.js';
import { expect } from 'chai';
import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { Compile } from 'typebox/compile';
import { randomSecret, secretConfig } from './keys.js';

const NOW_MS = 1_800_000_000_123;
const REGION_POOL = { region: 'eu-west', pool: 'console-x' };
const REQUEST = {
  ...REGION_POOL,
  hostId: 'h1',
  sessionId: '01890a5d-ac96-774b-bcce-b302099a8057',
  epoch: 3,
  playerId: 'alice',
  title: 'starfall',
  seq: 0,
  ttlMs: 30_000,
  nowMs: NOW_MS,
};

function verifyAs(ticket: string, key: Buffer, hostId = 'h1', nowMs = NOW_MS): jwt.JwtPayload {
  return jwt.verify(ticket, key, {
    algorithms: ['HS256'],
    audience: ticketAudience(REGION_POOL, hostId),
    issuer: TICKET_ISSUER,
    clockTimestamp: Math.floor(nowMs / 1000),
  }) as jwt.JwtPayload;
}

describe('ticket signer', () => {
  const mint = createTicketSigner(randomSecret());

  it('signs the claims of the protocol', () => {
    const claims = verifyAs(mint.sign(REQUEST), mint.hostKey(REGION_POOL, 'h1'));
    expect(Compile(TicketClaims).Check(claims)).to.be.true;
    expect(claims).to.deep.equal({
      iss: 'duskline',
      aud: 'host:eu-west/console-x/h1',
      sub: 'alice',
      sid: REQUEST.sessionId,
      epoch: 3,
      title: 'starfall',
      iat: 1_800_000_000,
      exp: 1_800_000_031,
    });
  });

  it('numbers the ticket of a later connection, and only that', () => {
    const key = mint.hostKey(REGION_POOL, 'h1');
    expect(verifyAs(mint.sign(REQUEST), key)).not.to.have.property('seq');
    const claims = verifyAs(mint.sign({ ...REQUEST, seq: NOW_MS }), key);
    expect(Compile(TicketClaims).Check(claims)).to.be.true;
    expect(claims['seq']).to.equal(NOW_MS);
  });

  it('issues tickets that are valid for at least the requested time, and expire', () => {
    const ticket = mint.sign(REQUEST);
    const key = mint.hostKey(REGION_POOL, 'h1');
    expect(verifyAs(ticket, key, 'h1', NOW_MS + 30_000).sub).to.equal('alice');
    expect(() => verifyAs(ticket, key, 'h1', NOW_MS + 31_000)).to.throw(jwt.TokenExpiredError);
  });

  it('signs tickets for host A that the key of host B rejects', () => {
    const ticket = mint.sign(REQUEST);
    expect(() => verifyAs(ticket, mint.hostKey(REGION_POOL, 'h2'))).to.throw('invalid signature');
    expect(() => verifyAs(ticket, mint.hostKey({ ...REGION_POOL, pool: 'pc' }, 'h1'))).to.throw(
      'invalid signature',
    );
    expect(() => verifyAs(ticket, mint.hostKey({ ...REGION_POOL, region: 'us' }, 'h1'))).to.throw(
      'invalid signature',
    );
  });

  it('names the host in the ticket, so that its key is of no use on another host', () => {
    expect(() => verifyAs(mint.sign(REQUEST), mint.hostKey(REGION_POOL, 'h1'), 'h2')).to.throw('audience');
  });

  it('derives the same keys on brokers with the same master key, and other keys with another', () => {
    const bytes = randomBytes(32);
    const [one, two] = [createTicketSigner(secretKeyFrom(bytes)), createTicketSigner(secretKeyFrom(bytes))];
    expect(one.hostKey(REGION_POOL, 'h1')).to.deep.equal(two.hostKey(REGION_POOL, 'h1'));
    expect(one.hostKey(REGION_POOL, 'h1')).not.to.deep.equal(mint.hostKey(REGION_POOL, 'h1'));
    expect(one.hostKey(REGION_POOL, 'h1').length).to.equal(32);
    expect(one.hostKey(REGION_POOL, 'h1')).not.to.deep.equal(bytes);
  });

  it('derives keys as documented', () => {
    const master = secretKeyFrom(Buffer.from('0123456789abcdef0123456789abcdef'));
    // Computed with another tool: HKDF-SHA256, no salt, info "duskline ticket v1 eu-west/console-x/h1".
    expect(createTicketSigner(master).hostKey(REGION_POOL, 'h1').toString('hex')).to.equal(
      '5b473b0fd8346f0f256716259905db595fa0a4248ab1ab4ab48912bbc69b873e',
    );
  });

  it('derives different keys for different hosts', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/);
    const host = fc.record({ region: name, pool: name, hostId: name });
    fc.assert(
      fc.property(host, host, (a, b) => {
        const same = a.region === b.region && a.pool === b.pool && a.hostId === b.hostId;
        expect(mint.hostKey(a, a.hostId).equals(mint.hostKey(b, b.hostId))).to.equal(same);
      }),
    );
  });

  it('derives a key again after it was evicted from the cache', () => {
    const before = mint.hostKey(REGION_POOL, 'h1');
    for (let i = 0; i < 10_001; i += 1) mint.hostKey(REGION_POOL, `other-${i}`);
    expect(mint.hostKey(REGION_POOL, 'h1')).to.deep.equal(before);
  });

  it('returns copies of keys, so that a caller cannot change the cached one', () => {
    mint.hostKey(REGION_POOL, 'h1').fill(0);
    expect(verifyAs(mint.sign(REQUEST), mint.hostKey(REGION_POOL, 'h1')).sub).to.equal('alice');
  });

  it('signs tickets that no broker accepts as a token, even under the same secret', async () => {
    const verifier = createTokenVerifier(secretConfig(secretKeyFrom(mint.hostKey(REGION_POOL, 'h1'))), {
      clock: { ...systemClock, wallMs: () => NOW_MS },
    });
    const result = await verifier.verify('player', mint.sign(REQUEST));
    expect(result).to.include({ ok: false, code: 'UNAUTHENTICATED' });
  });
});
