import { getEventListeners } from 'node:events';
import { DusklineError, type ClientOptions } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, failure, type Fixture } from '../fixture.js';
import { ManualClock } from '../manual-clock.js';
import {
  OTHER_SESSION_ID,
  SESSION_ID,
  aMatch,
  aRegion,
  type ScriptedConnection,
} from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';

const RTT = { dublin: 12.5 };

describe('client: play()', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  async function connected(
    options: Partial<ClientOptions> = {},
  ): Promise<Fixture & { end: ScriptedConnection }> {
    const pair = await fixtures.pair(options);
    const [end] = await Promise.all([
      pair.broker.welcome({ regions: [aRegion('dublin')] }),
      pair.client.connect(),
    ]);
    return { ...pair, end };
  }

  it('measures, sends the request, and returns the matched session', async () => {
    const { client, end } = await connected({ probe: () => Promise.resolve(17) });
    const playing = client.play({
      title: 'tetris',
      platform: 'pc',
      minResolution: '1080p',
      regions: { exclude: ['paris'] },
    });
    const play = await end.next('play');
    expect(play).to.deep.equal({
      type: 'play',
      requestId: play.requestId,
      title: 'tetris',
      rtt: { dublin: 17 },
      platform: 'pc',
      minResolution: '1080p',
      regions: { exclude: ['paris'] },
    });
    expect(play.requestId).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    end.match(play.requestId);
    const session = await playing;
    expect(session.state).to.equal('reserved');
    const fields = Object.entries(aMatch(play.requestId)).filter(([field]) => field !== 'type');
    const given = new Map<string, unknown>(fields.map(([field]) => [field, Reflect.get(session, field)]));
    expect(given).to.deep.equal(new Map(fields));
    expect(client.sessions).to.deep.equal([session]);
  });

  it('connects when there is no connection yet', async () => {
    const { broker, client } = await fixtures.pair();
    const playing = client.play({ title: 'tetris', rtt: RTT });
    const end = await broker.welcome();
    end.match((await end.next('play')).requestId);
    expect((await playing).sessionId).to.equal(SESSION_ID);
  });

  it('uses a new requestId for every request, or the given one', async () => {
    const { client, end } = await connected();
    void failure(client.play({ title: 'tetris', rtt: RTT }));
    void failure(client.play({ title: 'tetris', rtt: RTT }));
    void failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'stored-1' }));
    const ids = [await end.next('play'), await end.next('play'), await end.next('play')].map(
      ({ requestId }) => requestId,
    );
    expect(new Set(ids).size).to.equal(3);
    expect(ids[2]).to.equal('stored-1');
  });

  it('repeats the request on the next connection when the socket is lost before the answer', async () => {
    const { broker, client, end } = await connected();
    const playing = client.play({ title: 'tetris', rtt: RTT });
    const first = await end.next('play');
    end.drop();
    const next = await broker.welcome();
    expect(await next.next('play')).to.deep.equal(first);
    next.match(first.requestId);
    expect((await playing).sessionId).to.equal(SESSION_ID);
  });

  it('repeats it at every lost socket, even one before the welcome', async () => {
    const { broker, client, end } = await connected();
    const playing = client.play({ title: 'tetris', rtt: RTT });
    const first = await end.next('play');
    end.drop();
    (await broker.accept()).drop();
    const second = await broker.accept();
    await second.next('hello');
    second.drop();
    const third = await broker.welcome();
    await third.next('play');
    third.drop();
    const fourth = await broker.welcome();
    expect(await fourth.next('play')).to.deep.equal(first);
    fourth.match(first.requestId);
    await playing;
  });

  it('rejects with the error of the broker', async () => {
    const { client, end } = await connected();
    const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
    const { requestId } = await end.next('play');
    end.error({ code: 'NO_CAPACITY', message: 'Full.', retryable: true, retryAfterMs: 3_000, requestId });
    const error = await playing;
    expect(error).to.be.instanceOf(DusklineError);
    expect(error).to.include({
      name: 'DusklineError',
      code: 'NO_CAPACITY',
      message: 'Full.',
      retryable: true,
      retryAfterMs: 3_000,
      requestId,
    });
    expect(client.sessions).to.deep.equal([]);
  });

  it('does not affect other requests when one is refused', async () => {
    const { client, end } = await connected();
    const refused = failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'a' }));
    const matched = client.play({ title: 'tetris', rtt: RTT, requestId: 'b' });
    end.error({ code: 'UNKNOWN_TITLE', requestId: 'a' });
    end.match('b');
    await refused;
    expect((await matched).requestId).to.equal('b');
  });

  it('refuses a requestId that is in use', async () => {
    const { client } = await connected();
    void failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'twice' }));
    const second = client.play({ title: 'tetris', rtt: RTT, requestId: 'twice' });
    expect(await failure(second)).to.include({ code: 'REQUEST_IN_USE' });
  });

  it('sends nothing when no region answered the measurement', async () => {
    const { client, end } = await connected({ probe: () => Promise.reject(new Error('offline')) });
    expect(await failure(client.play({ title: 'tetris' }))).to.include({ code: 'NO_REGION_MEASURED' });
    expect(await end.receivedTypes()).to.deep.equal(['hello']);
  });

  it('ignores frames that are malformed, unknown, or that answer nothing', async () => {
    const { client, end } = await connected();
    const playing = client.play({ title: 'tetris', rtt: RTT });
    const { requestId } = await end.next('play');
    end.sendRaw('{"type":"matched"');
    end.sendRaw('[]');
    end.sendRaw('null');
    end.sendRaw(Buffer.from([1, 2, 3]));
    end.send({ type: 'matched', requestId });
    end.send({ type: 'constructor' });
    end.send({ type: 'queued', requestId, position: 3 });
    end.send({ type: 'pong', id: 77 });
    end.match('nobody-asked');
    end.session({ sessionId: OTHER_SESSION_ID });
    end.error({ code: 'NO_CAPACITY', requestId: 'nobody-asked' });
    end.send({
      type: 'welcome',
      connectionId: 'again',
      playerId: 'eve',
      regions: [],
      pingIntervalMs: 1,
      resumeToken: 'resume-token-of-ada',
    });
    end.send({ ...aMatch(requestId), newField: { of: 'a later version' } });
    expect((await playing).sessionId).to.equal(SESSION_ID);
    expect(client.status).to.include({ state: 'ready', playerId: 'ada' });
  });

  it('writes neither tokens nor tickets to the log', async () => {
    const lines: string[] = [];
    const log = (fields: object, message: string): void => {
      lines.push(message + JSON.stringify(fields));
    };
    const { client, end } = await connected({ logger: { debug: log, info: log, warn: log, error: log } });
    const playing = client.play({ title: 'tetris', rtt: RTT });
    end.match((await end.next('play')).requestId);
    await playing;
    await client.close();
    expect(lines.join('\n'))
      .to.contain('matched')
      .and.not.match(/token-of-ada|secret-ticket/);
  });

  describe('when its caller aborts', () => {
    it('sends nothing if the abort came first', async () => {
      const { client, end } = await connected();
      const playing = client.play({ title: 'tetris', rtt: RTT, signal: AbortSignal.abort('no') });
      expect(await failure(playing)).to.include({ name: 'AbortError', code: 'ABORTED', cause: 'no' });
      expect(await end.receivedTypes()).to.deep.equal(['hello']);
    });

    it('stops during connecting', async () => {
      const { broker, client } = await fixtures.pair();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', signal: controller.signal }));
      await broker.accept();
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
    });

    it('stops during measuring', async () => {
      const { client, end } = await connected({ probe: () => new Promise(() => undefined) });
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', signal: controller.signal }));
      await nextTurn();
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      expect(await end.receivedTypes()).to.deep.equal(['hello']);
    });

    it('cancels the request, and ignores a match that crosses the cancel', async () => {
      const { client, end } = await connected();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const { requestId } = await end.next('play');
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      end.match(requestId);
      end.error({ code: 'CANCELLED', requestId });
      // The answer settles it: the requestId is free again.
      const again = client.play({ title: 'tetris', rtt: RTT, requestId: 'probe' });
      await end.next('play');
      end.match('probe', { sessionId: OTHER_SESSION_ID });
      const session = await again;
      expect(client.sessions).to.deep.equal([session]);
    });

    it('cancels it on the next connection when the socket is lost', async () => {
      const { broker, client, end, statuses } = await connected();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const { requestId } = await end.next('play');
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      const next = await broker.welcome();
      expect(await next.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'cancel']);

      next.drop();
      const last = await broker.welcome();
      const other = client.play({ title: 'tetris', rtt: RTT, requestId: 'other' });
      await last.next('play');
      last.match('other');
      await other;
      expect(await last.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('sends no cancel for a request that no broker received', async () => {
      const { broker, client } = await fixtures.pair();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const end = await broker.accept();
      controller.abort();
      await playing;
      await end.welcome();
      await client.connect();
      const other = client.play({ title: 'tetris', rtt: RTT, requestId: 'other' });
      await end.next('play');
      end.match('other');
      await other;
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('keeps the session when it was matched before the abort', async () => {
      const { client, end } = await connected();
      const controller = new AbortController();
      const playing = client.play({ title: 'tetris', rtt: RTT, signal: controller.signal });
      end.match((await end.next('play')).requestId);
      const session = await playing;
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
      controller.abort();
      expect(client.sessions).to.deep.equal([session]);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
    });
  });

  describe('with retries while there is no capacity', () => {
    async function waitingForRoom(maxWaitMs: number): Promise<
      Fixture & {
        clock: ManualClock;
        end: ScriptedConnection;
        playing: Promise<unknown>;
        refuse: (fields?: object) => Promise<string>;
      }
    > {
      const clock = new ManualClock();
      let handled: () => void = () => undefined;
      const ignore = (): void => undefined;
      const pair = await connected({
        clock,
        random: () => 0.5,
        logger: { debug: () => setImmediate(handled), info: ignore, warn: ignore, error: ignore },
      });
      const { client, end } = pair;
      const playing = client.play({ title: 'tetris', rtt: RTT, retry: { maxWaitMs } });
      playing.catch(ignore);
      const refuse = async (fields: object = {}): Promise<string> => {
        const { requestId } = await end.next('play');
        const heard = new Promise<void>((resolve) => (handled = resolve));
        end.error({ code: 'NO_CAPACITY', retryable: true, retryAfterMs: 2_000, requestId, ...fields });
        await heard;
        return requestId;
      };
      return { ...pair, clock, playing, refuse };
    }

    it('repeats the request with the same requestId, after the retry time and a random delay', async () => {
      const { clock, end, playing, refuse } = await waitingForRoom(10_000);
      const requestId = await refuse();
      clock.advance(2_499);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
      clock.advance(1);
      expect(await end.next('play')).to.include({ requestId });
      end.match(requestId);
      expect(await playing).to.include({ sessionId: SESSION_ID });
    });

    it('keeps the retry time after a lost socket', async () => {
      const { broker, clock, client, end, refuse, statuses } = await waitingForRoom(10_000);
      const requestId = await refuse();
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      clock.advance(0);
      const next = await broker.welcome();
      await client.connect();
      void failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'other' }));
      expect(await next.next('play')).to.include({ requestId: 'other' });
      clock.advance(2_500);
      expect(await next.next('play')).to.include({ requestId });
    });

    it('also retries while the store is unavailable', async () => {
      const { clock, end, refuse } = await waitingForRoom(10_000);
      await refuse({ code: 'UNAVAILABLE' });
      clock.advance(2_500);
      await end.next('play');
    });

    it('rejects with the last refusal when the next retry would exceed its time limit', async () => {
      const { clock, playing, refuse } = await waitingForRoom(4_000);
      await refuse();
      clock.advance(2_500);
      await refuse({ message: 'Still full.' });
      expect(await failure(playing)).to.include({ code: 'NO_CAPACITY', message: 'Still full.' });
    });

    it('does not retry after errors that are not retryable', async () => {
      const { playing, refuse } = await waitingForRoom(10_000);
      await refuse({ code: 'UNKNOWN_TITLE', retryable: false });
      expect(await failure(playing)).to.include({ code: 'UNKNOWN_TITLE' });
    });
  });

  describe('when the client is closed', () => {
    it('cancels pending requests, rejects them, and leaves no timer', async () => {
      const clock = new ManualClock();
      const { client, end } = await connected({ clock });
      const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
      const { requestId } = await end.next('play');
      const closing = client.close();
      expect(client.close()).to.equal(closing);
      expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      expect(await end.closes.next()).to.equal(1000);
      await closing;
      expect(client.status).to.deep.equal({ state: 'closed' });
      expect(clock.pending).to.equal(0);
    });

    it('rejects later requests', async () => {
      const { client } = await connected();
      await client.close();
      for (const attempt of [
        client.connect(),
        client.measureRegions(),
        client.play({ title: 'tetris' }),
        client.play({ title: 'tetris', rtt: RTT }),
      ]) {
        expect(await failure(attempt)).to.include({ code: 'CLIENT_CLOSED' });
      }
    });

    for (const moment of ['idle', 'token', 'opening', 'hello', 'waiting'] as const) {
      it(`leaves nothing behind at any moment: ${moment}`, async () => {
        const clock = new ManualClock();
        const { broker, client, statuses } = await fixtures.pair({
          clock,
          ...(moment === 'token' && { token: () => new Promise<string>(() => undefined) }),
        });
        const playing = moment === 'idle' ? undefined : failure(client.play({ title: 'tetris', rtt: RTT }));
        if (moment === 'hello') await (await broker.accept()).next('hello');
        if (moment === 'waiting') {
          (await broker.accept()).drop();
          await statuses.next(({ state }) => state === 'waiting');
        }
        if (moment === 'opening') await nextTurn();
        await client.close();
        if (playing !== undefined) expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
        expect(client.status).to.deep.equal({ state: 'closed' });
        await nextTurn();
        expect(clock.pending).to.equal(0);
      });
    }

    it('can be closed by a listener, at every status', async () => {
      for (const at of ['connecting', 'ready']) {
        const { broker, client } = await fixtures.pair();
        client.on('status', async ({ state }) => {
          if (state === at) await client.close();
        });
        const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
        if (at === 'ready') await broker.welcome();
        expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
        expect(client.status).to.deep.equal({ state: 'closed' });
      }
    });
  });
});
