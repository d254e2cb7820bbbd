import { expect } from 'chai';
import { CLIENT_PATH } from '@duskline/protocol/constants';
import type { Duskline } from '@duskline/server/duskline.js';
import { createRedisStore } from '@duskline/server/store/redis/redis-store.js';
import { retryUntilSuccess } from '../../support/time/eventually.js';
import { TEST_DEVICE, startTestBroker, testToken } from '../../support/fleet/test-broker.js';
import { Peer } from '../../support/fleet/peer.js';
import { startRedisServer, type RedisServer } from '../../support/redis/redis-server.js';

describe('Resume tokens of two brokers on one Redis', function () {
  this.timeout(20_000);
  let redis: RedisServer;
  const opened: { close(): Promise<void> }[] = [];
  let brokers: Duskline[];
  beforeEach(async () => {
    redis = await startRedisServer({ persistent: true });
    const start = async (): Promise<Duskline> => {
      const target = { kind: 'single' as const, url: redis.url };
      const store = await createRedisStore({ target, suspectAfterMs: 4_000 });
      const duskline = await startTestBroker({ store });
      opened.push({ close: () => duskline.stop().then(() => store.close()) });
      return duskline;
    };
    brokers = [await start(), await start()];
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await redis.stop();
  });

  /** Sends `hello` to a broker. Returns the next resume token, or the reason of the refusal. */
  async function hello(index: number, shown: object): Promise<{ resumeToken?: string; refused?: string }> {
    const peer = await Peer.open(brokers[index]!.url, CLIENT_PATH);
    peer.send({ type: 'hello', device: TEST_DEVICE, ...shown });
    try {
      const { resumeToken } = await peer.next('welcome');
      await peer.close();
      return { resumeToken: String(resumeToken) };
    } catch {
      const { code, reason } = await peer.closed;
      return { refused: `${code} ${reason}` };
    }
  }

  const byToken = { token: testToken({ kind: 'player', playerId: 'alice' }) };

  it('rotate from broker to broker, and each is accepted once by both together', async () => {
    let shown: { resumeToken?: string } = await hello(0, byToken);
    for (let i = 1; i <= 6; i += 1) {
      const next = await hello(i % 2, shown);
      expect(next).to.have.property('resumeToken').that.does.not.equal(shown.resumeToken);
      for (const index of [0, 1]) {
        expect(await hello(index, shown)).to.deep.equal({ refused: '4401 RESUME_TOKEN_USED' });
      }
      shown = next;
    }
  });

  it('are accepted once when they are shown to both brokers at the same time', async () => {
    const shown = await hello(0, byToken);
    const answers = await Promise.all([0, 1, 0, 1].map((index) => hello(index, shown)));
    expect(answers.filter(({ resumeToken }) => resumeToken !== undefined)).to.have.length(1);
    expect(answers.filter(({ refused }) => refused === '4401 RESUME_TOKEN_USED')).to.have.length(3);
  });

  it('are answered with UNAVAILABLE while Redis is down, and accepted when it is back', async () => {
    const shown = await hello(0, byToken);
    await redis.kill();
    expect(await hello(0, shown)).to.deep.equal({ refused: '1013 UNAVAILABLE' });
    // A player token is accepted without the store.
    expect(await hello(1, byToken)).to.have.property('resumeToken');
    await redis.restart();
    await retryUntilSuccess(async () => {
      expect(await hello(1, shown)).to.have.property('resumeToken');
    });
  });
});
