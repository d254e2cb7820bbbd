import type { ClientOptions } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, TOKEN, failure, type Fixture } from '../fixture.js';
import type { ScriptedConnection } from '../scripted-broker.js';

const FIRST = 'resume-token-number-1';
const SECOND = 'resume-token-number-2';

describe('client: resume tokens', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  /** Connects a client that received a resume token, and counts the calls of its token supplier. */
  async function welcomed(
    options: Partial<ClientOptions> = {},
  ): Promise<Fixture & { readonly end: ScriptedConnection; readonly asked: () => number }> {
    let asked = 0;
    const pair = await fixtures.pair({ token: () => ((asked += 1), TOKEN), ...options });
    const [end] = await Promise.all([pair.broker.welcome({ resumeToken: FIRST }), pair.client.connect()]);
    return { ...pair, end, asked: () => asked };
  }

  it('replace the player token at reconnects, so that the supplier is not called', async () => {
    const { asked, broker, client, end } = await welcomed();
    end.drop();
    const next = await broker.accept();
    const hello = await next.next('hello');
    expect(hello).to.include({ resumeToken: FIRST }).and.not.have.property('token');
    expect(hello).to.have.property('device');
    next.send({ type: 'welcome', connectionId: 'c2', playerId: 'ada', regions: [], pingIntervalMs: 15_000 });
    await client.connect();
    expect(asked()).to.equal(1);
  });

  it('are used once: each welcome brings the next one, or none', async () => {
    const { asked, broker, end } = await welcomed();
    end.drop();
    const second = await broker.welcome({ resumeToken: SECOND });
    second.drop();
    const third = await broker.accept();
    expect(await third.next('hello')).to.include({ resumeToken: SECOND });
    third.send({ type: 'welcome', connectionId: 'c3', playerId: 'ada', regions: [], pingIntervalMs: 15_000 });
    third.drop();
    const fourth = await broker.accept();
    expect(await fourth.next('hello'))
      .to.include({ token: TOKEN })
      .and.not.have.property('resumeToken');
    expect(asked()).to.equal(2);
  });

  for (const code of ['RESUME_TOKEN_USED', 'RESUME_TOKEN_EXPIRED', 'RESUME_TOKEN_INVALID'] as const) {
    it(`are replaced by the player token at once after ${code}, without a visible error`, async () => {
      const { broker, client, end, statuses } = await welcomed();
      const playing = client.play({ title: 'tetris', rtt: { dublin: 10 }, requestId: 'r1' });
      await end.next('play');
      end.queued('r1');
      end.drop();
      const refused = await broker.accept();
      await refused.next('hello');
      refused.error({ code });
      refused.close(4401);
      const next = await broker.accept();
      expect(await next.next('hello')).to.include({ token: TOKEN });
      next.send({
        type: 'welcome',
        connectionId: 'c2',
        playerId: 'ada',
        regions: [],
        pingIntervalMs: 15_000,
      });
      await next.next('play');
      next.match('r1');
      await playing;
      const states = statuses.all.map(({ state }) => state);
      expect(states).to.deep.equal(['connecting', 'ready', 'waiting', 'connecting', 'ready']);
    });
  }

  it('are replaced by the player token on a broker that does not support them', async () => {
    const { broker, end } = await welcomed();
    end.drop();
    (await broker.accept()).close(4400);
    expect(await (await broker.accept()).next('hello')).to.include({ token: TOKEN });
  });

  it('are kept while no broker is reachable', async () => {
    const { broker, end } = await welcomed();
    end.drop();
    (await broker.accept()).drop();
    (await broker.accept()).close(1013);
    expect(await (await broker.accept()).next('hello')).to.include({ resumeToken: FIRST });
  });

  it('are tried once more when a broker fails after hello, and then replaced by the player token', async () => {
    const { broker, client, end } = await welcomed();
    end.drop();
    const died = await broker.accept();
    await died.next('hello');
    died.drop();
    const other = await broker.accept();
    expect(await other.next('hello')).to.include({ resumeToken: FIRST });
    other.error({ code: 'RESUME_TOKEN_USED' });
    other.close(4401);
    const last = await broker.welcome();
    expect(last.frames.all[0]).to.include({ token: TOKEN });
    await client.connect();
  });

  it('do not help a player whose own token is refused', async () => {
    const { broker, client, end, statuses } = await welcomed();
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    const connected = failure(client.connect());
    for (const code of ['RESUME_TOKEN_EXPIRED', 'UNAUTHENTICATED'] as const) {
      const refused = await broker.accept();
      await refused.next('hello');
      refused.error({ code });
      refused.close(4401);
    }
    expect(await connected).to.include({ code: 'UNAUTHENTICATED' });
    expect(client.status.state).to.equal('closed');
  });

  it('do not delay a close', async () => {
    const { broker, client, end } = await welcomed();
    end.drop();
    const refused = await broker.accept();
    await refused.next('hello');
    await Promise.all([client.close(), refused.closes.next()]);
    expect(broker.connections.all).to.have.length(2);
  });

  it('are never written to the log', async () => {
    const lines: string[] = [];
    const log = (fields: object, message: string): void => {
      lines.push(message + JSON.stringify(fields));
    };
    const { broker, client, end } = await welcomed({
      logger: { debug: log, info: log, warn: log, error: log },
    });
    end.drop();
    await (await broker.accept()).next('hello');
    await client.close();
    expect(lines.join('\n'))
      .to.contain('hello')
      .and.not.match(/resume-token-number/);
  });
});
