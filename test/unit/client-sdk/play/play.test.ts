import { DusklineError } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { OTHER_SESSION_ID, SESSION_ID, aMatch } from '../scripted-broker.js';
import { RTT, clientConnector } from './connected-client.js';

describe('client: play()', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  afterEach(() => fixtures.stop());

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

  it('rejects when another device of the player has the request, waiting or not', async () => {
    for (const waits of [false, true]) {
      const { client, end } = await connected();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
      const { requestId } = await end.next('play');
      if (waits) end.queued(requestId);
      end.send({ type: 'replaced', requestId, byRequestId: 'request-of-the-other-device' });
      expect(await playing).to.include({ code: 'REPLACED', retryable: false, requestId });
      expect(await end.receivedTypes()).to.not.include('cancel');
    }
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
});
