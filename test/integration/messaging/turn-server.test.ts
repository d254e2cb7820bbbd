import { createSecretKey, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { IceServer } from '@duskline/protocol';
import { turnCredentials } from '@duskline/server/auth/turn-credentials.js';
import type { Duskline } from '@duskline/server/duskline.js';
import { TEST_CONFIG, openPlayer, openReadyHost, startTestBroker } from '../../support/fleet/test-broker.js';
import { allocate, startTurnServer, type TurnServer } from '../../support/network/turn-server.js';

const SECRET = randomBytes(24).toString('hex');
const KEY = createSecretKey(Buffer.from(SECRET));
const SESSION_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const HOUR_MS = 3_600_000;

describe('A TURN server', function () {
  this.timeout(20_000);
  let turn: TurnServer;
  before(async () => {
    turn = await startTurnServer(SECRET);
  });
  after(() => turn.stop());

  describe('with the credentials of a match', () => {
    let duskline: Duskline;
    before(async () => {
      const iceServers = `
iceServers:
  - { urls: ['stun:127.0.0.1:${turn.port}'] }
  - { urls: ['turn:127.0.0.1:${turn.port}'], secretEnv: TURN_SECRET }
`;
      duskline = await startTestBroker({ config: TEST_CONFIG + iceServers, env: { TURN_SECRET: SECRET } });
      await openReadyHost(duskline, { hostId: 'h1' });
    });
    after(() => duskline.stop());

    it('admits its player, for an hour, under the name of the session', async () => {
      const player = await openPlayer(duskline.url, 'alice');
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
      const matched = await player.next('matched');
      const [stun, relay] = matched['iceServers'] as IceServer[];
      expect(stun).to.deep.equal({ urls: [`stun:127.0.0.1:${turn.port}`] });
      const { urls, username = '', credential = '' } = relay!;
      expect(urls).to.deep.equal([`turn:127.0.0.1:${turn.port}`]);
      const [expiresAtS, sessionId] = username.split(':');
      expect(sessionId).to.equal(matched['sessionId']);
      expect(Number(expiresAtS) * 1000 - Date.now()).to.be.within(HOUR_MS - 10_000, HOUR_MS + 1_000);
      expect(await allocate(turn.port, { username, credential })).to.equal('allocated');
    });
  });

  const inAnHour = (): number => Date.now() + HOUR_MS;

  it('accepts credentials that have not expired', async () => {
    expect(await allocate(turn.port, turnCredentials(KEY, SESSION_ID, inAnHour()))).to.equal('allocated');
  });

  it('refuses credentials that have expired', async () => {
    const credentials = turnCredentials(KEY, SESSION_ID, Date.now() - 2_000);
    expect(await allocate(turn.port, credentials)).to.equal('refused');
  });

  it('refuses credentials whose expiry was changed', async () => {
    const { credential } = turnCredentials(KEY, SESSION_ID, Date.now() - 2_000);
    const { username } = turnCredentials(KEY, SESSION_ID, inAnHour());
    expect(await allocate(turn.port, { username, credential })).to.equal('refused');
  });

  it('refuses credentials made with another secret', async () => {
    const other = createSecretKey(randomBytes(24));
    expect(await allocate(turn.port, turnCredentials(other, SESSION_ID, inAnHour()))).to.equal('refused');
  });
});

describe('Without ICE servers', () => {
  it('a match names none', async () => {
    const duskline = await startTestBroker();
    try {
      await openReadyHost(duskline, { hostId: 'h1' });
      const player = await openPlayer(duskline.url, 'alice');
      player.send({ type: 'play', requestId: 'r1', title: 'drift', rtt: { near: 10 } });
      expect(await player.next('matched')).to.not.have.property('iceServers');
    } finally {
      await duskline.stop();
    }
  });
});
