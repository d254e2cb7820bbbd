import { createPlayerAdmission, type AdmitPlayer } from '@duskline/server/transport/admit-player.js';
import { expect } from 'chai';

const RESUMED = { playerId: 'alice', tier: 'gold', tokenId: 'id-1', expiresAtMs: 900, rememberMs: 77 };

describe('admission of players', () => {
  let spent: unknown[][];
  let signed: unknown[][];
  let admit: AdmitPlayer;
  let storeAway: boolean;
  beforeEach(() => {
    spent = [];
    signed = [];
    storeAway = false;
    admit = createPlayerAdmission({
      authenticate: (token) =>
        Promise.resolve(
          token === 'token of alice' || token === 'token of bob'
            ? { ok: true, principal: { playerId: token.slice('token of '.length), tier: 'silver' } }
            : { ok: false, code: 'TOKEN_EXPIRED', message: 'The token has expired.' },
        ),
      resumeTokens: {
        sign: (...args) => {
          signed.push(args);
          return `fresh ${signed.length}`;
        },
        verify: (token) =>
          token === 'resume' ? { ok: true, resumed: RESUMED } : { ok: false, code: 'RESUME_TOKEN_EXPIRED' },
      },
      markTokenUsed: (...args) => {
        if (storeAway) return Promise.reject(new Error('away'));
        spent.push(args);
        return Promise.resolve(spent.length === 1);
      },
    });
  });

  it('accepts a token, and marks nothing as used', async () => {
    const admission = await admit({ token: 'token of bob', resumeToken: undefined });
    expect(admission).to.deep.equal({
      ok: true,
      player: { playerId: 'bob', tier: 'silver', resumeToken: 'fresh 1' },
    });
    expect(spent).to.deep.equal([]);
    expect(signed[0]?.[1]).to.equal(undefined);
  });

  it('accepts a resume token once, and returns one with the same expiry', async () => {
    const admission = await admit({ token: undefined, resumeToken: 'resume' });
    expect(admission).to.deep.equal({
      ok: true,
      player: { playerId: 'alice', tier: 'gold', resumeToken: 'fresh 1' },
    });
    expect(spent).to.deep.equal([['alice', 'id-1', 77]]);
    expect(signed[0]?.[1]).to.equal(900);
    const again = await admit({ token: undefined, resumeToken: 'resume' });
    expect(again).to.deep.equal({ ok: false, code: 'RESUME_TOKEN_USED' });
  });

  it('accepts both for the same player, with the tier and expiry of the token', async () => {
    const admission = await admit({ token: 'token of alice', resumeToken: 'resume' });
    expect(admission).to.deep.equal({
      ok: true,
      player: { playerId: 'alice', tier: 'silver', resumeToken: 'fresh 1' },
    });
    expect(spent).to.have.length(1);
    expect(signed[0]?.[1]).to.equal(undefined);
  });

  const refused = [
    ['nothing', undefined, undefined, 'TOKEN_EXPIRED'],
    ['both of different players', 'token of bob', 'resume', 'RESUME_TOKEN_INVALID'],
    ['a bad token beside a good resume token', 'old', 'resume', 'TOKEN_EXPIRED'],
    ['a good token beside a bad resume token', 'token of alice', 'old', 'RESUME_TOKEN_EXPIRED'],
  ] as const;
  for (const [what, token, resumeToken, code] of refused) {
    it(`refuses ${what}, and marks nothing as used`, async () => {
      expect(await admit({ token, resumeToken })).to.include({ ok: false, code });
      expect({ spent, signed }).to.deep.equal({ spent: [], signed: [] });
    });
  }

  it('reveals nothing about the token when the store is unavailable', async () => {
    storeAway = true;
    const failure = await admit({ token: undefined, resumeToken: 'resume' }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).to.have.property('message', 'away');
    storeAway = false;
    expect(await admit({ token: undefined, resumeToken: 'resume' })).to.include({ ok: true });
  });
});
