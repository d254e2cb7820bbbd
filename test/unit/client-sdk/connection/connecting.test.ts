import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createBackoffPolicy, createClient, type RetryContext } from '@duskline/client/node';
import { expect } from 'chai';
import { AT_ONCE, DEVICE, Fixtures, TOKEN, failure } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

describe('client: connecting', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  it('sends token and device, and is ready after welcome', async () => {
    const { broker, client, statuses } = await fixtures.pair();
    expect(client.status).to.deep.equal({ state: 'idle' });
    const connected = client.connect();
    const end = await broker.accept();
    const hello = await end.next('hello');
    end.send({
      type: 'welcome',
      connectionId: 'c7',
      playerId: 'ada',
      regions: [],
      pingIntervalMs: 15_000,
      resumeToken: 'resume-token-of-ada',
    });
    await connected;

    expect(hello).to.deep.include({ token: TOKEN, device: DEVICE });
    expect(client.status).to.deep.equal({
      state: 'ready',
      connectionId: 'c7',
      playerId: 'ada',
      regions: [],
    });
    expect(statuses.all.map(({ state }) => state)).to.deep.equal(['connecting', 'ready']);
  });

  it('sends the version of its package to the broker', async () => {
    const { broker, client } = await fixtures.pair();
    // The broker sends no `welcome`, so the client is still connecting when the test closes it.
    client.connect().catch(() => undefined);
    const { sdk } = await (await broker.accept()).next('hello');
    const root = createRequire(import.meta.url).resolve('@duskline/client');
    const manifest = JSON.parse(await readFile(new URL('../package.json', `file://${root}`), 'utf8')) as {
      version: string;
    };
    expect(sdk).to.equal(`duskline-client/${manifest.version}`);
  });

  it('requests a token for every attempt', async () => {
    let asked = 0;
    const { broker, client } = await fixtures.pair({
      token: () => Promise.resolve(`token-number-${(asked += 1)}-of-ada`),
    });
    client.connect().catch(() => undefined);
    const first = await broker.accept();
    expect((await first.next('hello')).token).to.equal('token-number-1-of-ada');
    first.drop();
    const second = await broker.accept();
    expect((await second.next('hello')).token).to.equal('token-number-2-of-ada');
  });

  it('reconnects with a new token when the old one has expired', async () => {
    const tokens = ['an-expired-token-0', 'a-fresh-token-0000'];
    const { broker, client, statuses } = await fixtures.pair({ token: () => tokens.shift() ?? '' });
    const connected = client.connect();
    const first = await broker.accept();
    await first.next('hello');
    first.error({ code: 'TOKEN_EXPIRED', retryable: true });
    first.close(4401);
    const second = await broker.accept();
    expect((await second.frames.next()).type).to.equal('hello');
    second.send({
      type: 'welcome',
      connectionId: 'c',
      playerId: 'ada',
      regions: [],
      pingIntervalMs: 15_000,
      resumeToken: 'resume-token-of-ada',
    });
    await connected;
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.have.nested.property('error.code', 'TOKEN_EXPIRED');
  });

  it('shows an early token again once it is valid', async () => {
    const { broker, client, statuses } = await fixtures.pair({
      token: TOKEN,
      reconnect: createBackoffPolicy({ random: () => 0 }),
    });
    client.connect().catch(() => undefined);
    const first = await broker.accept();
    await first.next('hello');
    first.error({ code: 'TOKEN_NOT_YET_VALID', retryable: true, retryAfterMs: 40 });
    first.close(4401);
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.include({ retryInMs: 40 });
    const second = await broker.accept();
    expect((await second.next('hello')).token).to.equal(TOKEN);
  });

  it('stops when the token supplier returns expired tokens only', async () => {
    const { broker, client } = await fixtures.pair({ token: () => 'always-the-same-old-token' });
    const connected = failure(client.connect());
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const end = await broker.accept();
      await end.next('hello');
      end.error({ code: 'TOKEN_EXPIRED', retryable: true });
      end.close(4401);
    }
    expect(await connected).to.include({ code: 'TOKEN_EXPIRED', closeCode: 4401 });
    expect(client.status.state).to.equal('closed');
    expect(broker.connections.all).to.have.length(3);
  });

  it('stops at once when a token that cannot change has expired', async () => {
    const { broker, client } = await fixtures.pair({ token: TOKEN });
    const connected = failure(client.connect());
    const end = await broker.accept();
    end.error({ code: 'TOKEN_EXPIRED', retryable: true });
    end.close(4401);
    expect(await connected).to.include({ code: 'TOKEN_EXPIRED' });
  });

  for (const { closeCode, code } of [
    { closeCode: 4401, code: 'UNAUTHENTICATED' },
    { closeCode: 4403, code: 'FORBIDDEN' },
    { closeCode: 4400, code: 'BAD_MESSAGE' },
    { closeCode: 4409, code: 'CONNECTION_REPLACED' },
    { closeCode: 1003, code: 'BINARY_FRAME' },
    { closeCode: 1009, code: 'FRAME_TOO_LARGE' },
  ]) {
    it(`does not reconnect after a close with ${closeCode}`, async () => {
      const { broker, client } = await fixtures.pair();
      const connected = failure(client.connect());
      (await broker.accept()).close(closeCode);
      expect(await connected).to.include({ code, closeCode });
      expect(client.status).to.have.nested.property('error.code', code);
      expect(await failure(client.play({ title: 'tetris', rtt: { dublin: 10 } }))).to.include({ code });
    });
  }

  for (const closeCode of [1001, 1011, 1013, 4408, 4413, 4429, 4500]) {
    it(`reconnects after a close with ${closeCode}`, async () => {
      const { broker, client } = await fixtures.pair();
      const connected = client.connect();
      (await broker.accept()).close(closeCode);
      await broker.welcome();
      await connected;
    });
  }

  it('does not report an earlier error as the reason of a lost connection', async () => {
    const { broker, client, statuses } = await fixtures.pair();
    client.connect().catch(() => undefined);
    const end = await broker.welcome();
    end.error({ code: 'UNKNOWN_MESSAGE_TYPE' });
    end.drop();
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.have.nested.property('error.code', 'CONNECTION_LOST');
  });

  it('tries the next broker when one is not reachable', async () => {
    const gone = await fixtures.broker();
    const there = await fixtures.broker();
    await gone.stop();
    const { client } = fixtures.client({ url: [gone.url, `${there.url}/`], reconnect: AT_ONCE });
    const connected = client.connect();
    await there.welcome();
    await connected;
  });

  it('goes to another broker when its own is stopping', async () => {
    const [one, two] = [await fixtures.broker(), await fixtures.broker()];
    const { client } = fixtures.client({ url: [one.url, two.url], reconnect: AT_ONCE });
    await Promise.all([client.connect(), one.welcome()]);
    one.connections.all[0]!.close(1001);
    await two.welcome();
    await client.connect();
    expect(one.connections.all).to.have.length(1);
  });

  it('abandons an attempt when no welcome comes in time', async () => {
    const clock = new ManualClock();
    const { broker, client, statuses } = await fixtures.pair({ clock, connectTimeoutMs: 4_000 });
    const connected = client.connect();
    const silent = await broker.accept();
    await silent.next('hello');
    clock.advance(4_000);
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.have.nested.property('error.code', 'CONNECT_TIMEOUT');
    await silent.closes.next();
    clock.advance(0);
    await broker.welcome();
    await connected;
  });

  it('applies the same deadline to a token supplier that does not answer', async () => {
    const clock = new ManualClock();
    const token = (): Promise<string> => new Promise(() => undefined);
    const { client, statuses } = await fixtures.pair({ clock, token });
    void failure(client.connect());
    clock.advance(10_000);
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.have.nested.property('error.code', 'CONNECT_TIMEOUT');
  });

  it('follows the reconnect policy when the token supplier fails, and stops when the policy gives up', async () => {
    const cause = new Error('The login service is away.');
    const delays = [0, 0, null];
    const { client, statuses } = await fixtures.pair({
      token: () => Promise.reject(cause),
      reconnect: { nextRetryDelayInMs: () => delays.shift() ?? null },
    });
    expect(await failure(client.connect())).to.include({ code: 'TOKEN_UNAVAILABLE', cause });
    expect(statuses.all.map(({ state }) => state)).to.deep.equal([
      ...['connecting', 'waiting', 'connecting', 'waiting', 'connecting', 'closed'],
    ]);
  });

  it('closes when the policy itself throws', async () => {
    const logged: string[] = [];
    const ignore = (): void => undefined;
    const { broker, client } = await fixtures.pair({
      reconnect: {
        nextRetryDelayInMs: () => {
          throw new Error('A bug.');
        },
      },
      logger: { debug: ignore, info: ignore, warn: ignore, error: (_, message) => logged.push(message) },
    });
    const connected = failure(client.connect());
    (await broker.accept()).drop();
    expect(await connected).to.include({ code: 'CLIENT_CLOSED' });
    expect(logged).to.have.length(1);
  });

  it('passes the retry time of the broker to the policy', async () => {
    const contexts: RetryContext[] = [];
    const { broker, client } = await fixtures.pair({
      reconnect: { nextRetryDelayInMs: (context) => (contexts.push(context), 0) },
    });
    client.connect().catch(() => undefined);
    const end = await broker.accept();
    await end.next('hello');
    end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 700 });
    end.close(1013);
    await broker.accept();
    expect(contexts[0]?.error).to.include({ code: 'UNAVAILABLE', retryAfterMs: 700 });
  });

  it('keeps counting retries while connections do not last, and starts again after one that lasted', async () => {
    const clock = new ManualClock();
    const counts: number[] = [];
    const { broker, client, statuses } = await fixtures.pair({
      clock,
      reconnect: { nextRetryDelayInMs: ({ retryCount }) => (counts.push(retryCount), 0) },
    });
    client.connect().catch(() => undefined);
    for (const heldForMs of [0, 100, 6_000, 0]) {
      const end = await broker.welcome();
      await statuses.next(({ state }) => state === 'ready');
      clock.advance(heldForMs);
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      clock.advance(0);
    }
    expect(counts).to.deep.equal([0, 1, 0, 1]);
  });

  it('waits for a connection no longer than its caller allows', async () => {
    const { broker, client } = await fixtures.pair();
    const controller = new AbortController();
    const connected = failure(client.connect({ signal: controller.signal }));
    await broker.accept();
    controller.abort();
    expect(await connected).to.include({ name: 'AbortError', code: 'ABORTED' });
    expect(client.status.state).to.equal('connecting');
  });

  it('lists every mistake in its options', () => {
    const create = (): unknown =>
      createClient({
        url: ['http://a.example', 'nonsense'],
        token: TOKEN,
        device: { kind: 'tv', codecs: ['av1'], maxResolution: '1080p' },
        connectTimeoutMs: Number.NaN,
      });
    expect(create).to.throw(TypeError, /http:\/\/a\.example.*nonsense.*connectTimeoutMs/);
  });
});
