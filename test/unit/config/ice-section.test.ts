import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { ENV, load, mistakesOf, validDocument } from './valid-config.js';

const SECRET = randomBytes(32).toString('base64');
const WITH_SECRET = { ...ENV, TURN_SECRET: SECRET };

function mistakesWith(server: unknown, env: Record<string, string | undefined> = WITH_SECRET): string[] {
  return mistakesOf({ ...validDocument(), iceServers: [server] }, env);
}

describe('configuration of ICE servers', () => {
  it('has none by default', () => {
    expect(load(validDocument()).iceServers).to.deep.equal([]);
  });

  it('accepts STUN servers as they are, and TURN servers with a secret from the environment', () => {
    const stun = { urls: ['stun:stun.example.com', 'stuns:[2001:db8::1]:5349'] };
    const turn = {
      urls: ['turn:turn.example.com:3478?transport=udp', 'turns:192.0.2.1:5349?transport=tcp', 'stun:a:1'],
      secretEnv: 'TURN_SECRET',
    };
    const iceServers = [stun, turn, { ...turn, ttlMs: 60_000 }];
    const config = load({ ...validDocument(), iceServers }, WITH_SECRET);
    const [first, second, third] = config.iceServers;
    expect(first).to.deep.equal({ ...stun, turn: null });
    expect(second?.urls).to.deep.equal(turn.urls);
    expect(second?.turn?.ttlMs).to.equal(3_600_000);
    expect(second?.turn?.secret.export().toString('utf8')).to.equal(SECRET);
    expect(third?.turn?.ttlMs).to.equal(60_000);
    expect(inspect(config, { depth: 10 }) + JSON.stringify(config)).not.to.include(SECRET);
  });

  const turn = { urls: ['turn:turn.example.com'], secretEnv: 'TURN_SECRET' };
  const stun = { urls: ['stun:stun.example.com'] };
  const mistakes: [string, unknown, string][] = [
    ['TURN without a secret', { urls: turn.urls }, 'iceServers[0]: needs secretEnv'],
    [
      'STUN with a secret',
      { ...stun, secretEnv: 'TURN_SECRET' },
      'iceServers[0].secretEnv: is for TURN servers only',
    ],
    [
      'a lifetime of credentials for STUN only',
      { ...stun, ttlMs: 60_000 },
      'iceServers[0].ttlMs: needs secretEnv',
    ],
    ['a secret in the file', { ...turn, secret: 'x' }, 'iceServers[0].secret: is not a known key'],
    [
      'a name that no environment variable can have',
      { ...turn, secretEnv: 'turn secret' },
      'iceServers[0].secretEnv: must match',
    ],
    ['a secret that is not set', { ...turn, secretEnv: 'NO_SUCH' }, 'NO_SUCH: is not set'],
    ['an entry without URLs', { urls: [] }, 'iceServers[0].urls: '],
    [
      'a URL of another scheme',
      { urls: ['https://turn.example.com'] },
      'iceServers[0].urls[0]: must be stun:',
    ],
    ['a user in the URL', { ...turn, urls: ['turn:me@turn.example.com'] }, 'iceServers[0].urls[0]: must be'],
    ['a transport for STUN', { urls: ['stun:a?transport=udp'] }, 'iceServers[0].urls[0]: must be'],
    ['a URL given twice', { urls: ['stun:a', 'stun:a'] }, 'iceServers[0].urls[1]: occurs twice'],
    ['a lifetime below a minute', { ...turn, ttlMs: 3_600 }, 'iceServers[0].ttlMs: must be >= 60000'],
  ];
  for (const [what, server, mistake] of mistakes) {
    it(`refuses ${what}`, () => {
      const found = mistakesWith(server);
      expect(found).to.have.lengthOf(1);
      expect(found[0]).to.include(mistake);
    });
  }

  it('refuses a secret for TURN servers that has another use as well', () => {
    for (const name of ['DUSKLINE_AUTH_SECRET', 'DUSKLINE_TICKET_MASTER_KEY', 'DUSKLINE_REDIS_PASSWORD']) {
      expect(mistakesWith({ ...turn, secretEnv: name })).to.deep.equal([
        `iceServers[0].secretEnv: must not be ${name}: the TURN servers would know that secret`,
      ]);
    }
    const copied = { ...ENV, TURN_SECRET: ENV['DUSKLINE_TICKET_MASTER_KEY'] };
    expect(mistakesWith(turn, copied).join()).to.include('TURN_SECRET: must differ from all other secrets');
  });

  it('does not repeat a secret that was given in place of its variable name', () => {
    const found = mistakesWith({ ...turn, secretEnv: SECRET });
    expect(found).to.have.lengthOf(1);
    expect(found[0]).to.not.include(SECRET);
  });

  it('refuses a weak secret without printing it', () => {
    const found = mistakesWith(turn, { ...ENV, TURN_SECRET: 'hunter2' });
    expect(found).to.deep.equal(['TURN_SECRET: has 7 bytes, needs at least 32']);
  });
});
