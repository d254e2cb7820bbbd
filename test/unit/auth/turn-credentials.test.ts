import { createSecretKey } from 'node:crypto';
import { createIceServers } from '@duskline/server/auth/ice-servers.js';
import { turnCredentials } from '@duskline/server/auth/turn-credentials.js';
import { expect } from 'chai';

const SESSION_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const SECRET = createSecretKey(Buffer.from('a secret shared with a TURN server'));

describe('TURN credentials', () => {
  it('follow the draft: expiry and name, with their HMAC-SHA1 in base64', () => {
    // printf %s '1800003600:<session>' | openssl dgst -sha1 -hmac '<secret>' -binary | base64
    expect(turnCredentials(SECRET, SESSION_ID, 1_800_003_600_000)).to.deep.equal({
      username: `1800003600:${SESSION_ID}`,
      credential: 'kfxCMwphLzPXLJwfNb5MJ2mjcec=',
    });
  });

  it('are valid for at least the requested time, in whole seconds', () => {
    expect(turnCredentials(SECRET, SESSION_ID, 1_800_003_600_001).username).to.equal(
      `1800003601:${SESSION_ID}`,
    );
  });

  it('are added only to the servers that need them', () => {
    const servers = createIceServers(
      [
        { urls: ['stun:stun.example.com:3478'], turn: null },
        { urls: ['turn:turn.example.com:3478'], turn: { secret: SECRET, ttlMs: 3_600_000 } },
      ],
      { wallMs: () => 1_800_000_000_000 },
    );
    expect(servers(SESSION_ID)).to.deep.equal([
      { urls: ['stun:stun.example.com:3478'] },
      { urls: ['turn:turn.example.com:3478'], ...turnCredentials(SECRET, SESSION_ID, 1_800_003_600_000) },
    ]);
  });
});
