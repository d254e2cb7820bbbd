import { inspect } from 'node:util';
import type { ClientOptions, Session } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, failure, type Fixture } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ManualClock } from '../manual-clock.js';
import { OTHER_SESSION_ID, SESSION_ID, type ScriptedConnection } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';

const REQUEST_ID = 'request-1';

interface Playing extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
  readonly events: EventBuffer<string>;
}

describe('client: sessions', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  async function playing(options: Partial<ClientOptions> = {}): Promise<Playing> {
    const pair = await fixtures.pair(options);
    const asked = pair.client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await pair.broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    const session = await asked;
    const events = new EventBuffer<string>('event of the session');
    session.on('state', (state) => events.add(state));
    session.on('replaced', ({ hostId }) => events.add(`replaced by ${hostId}`));
    session.on('ended', (reason) => events.add(`ended: ${reason}`));
    return { ...pair, end, session, events };
  }

  /** Loses the socket, and gives the next connection, welcomed. */
  async function lose({ end, broker, statuses }: Playing): Promise<ScriptedConnection> {
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    const next = await broker.welcome();
    await statuses.next(({ state }) => state === 'ready');
    return next;
  }

  it('follow the reports of the broker, and emit each change once', async () => {
    const { end, session, events, client } = await playing();
    end.session({ state: 'active' });
    end.session({ state: 'active' });
    end.session({ state: 'connected' });
    end.session({ state: 'reserved' });
    end.session({ state: 'disconnected' });
    end.send({ type: 'session', sessionId: SESSION_ID, epoch: 1, state: 'frozen' });
    end.session({ state: 'connected' });
    end.session({ state: 'ended', reason: 'idle' });
    end.session({ state: 'ended', reason: 'operator' });
    expect(await session.ended).to.equal('idle');
    await nextTurn();
    expect(events.all).to.deep.equal(['active', 'connected', 'disconnected', 'connected', 'ended: idle']);
    expect(session.state).to.equal('ended');
    expect(client.sessions).to.deep.equal([]);
  });

  it('ignore what belongs to an older epoch', async () => {
    const { end, session } = await playing();
    end.match(REQUEST_ID, { epoch: 3, host: { hostId: 'host-3', endpoint: 'wss://host-3.example' } });
    end.session({ epoch: 2, state: 'ended', reason: 'host_lost' });
    end.match(REQUEST_ID, { epoch: 2 });
    end.session({ epoch: 3, state: 'ended', reason: 'max_length' });
    expect(await session.ended).to.equal('max_length');
    expect(session.host.hostId).to.equal('host-3');
  });

  it('emit one event with all fields new when they are placed on another host', async () => {
    const { end, session, events } = await playing();
    end.session({ state: 'connected' });
    await events.next();
    const host = { hostId: 'host-2', endpoint: 'wss://host-2.example' };
    end.match(REQUEST_ID, { epoch: 2, host, region: 'paris', ticket: 'secret-ticket-2' });
    expect(await events.next()).to.equal('replaced by host-2');
    expect(session).to.include({ state: 'reserved', epoch: 2, region: 'paris', ticket: 'secret-ticket-2' });
    end.session({ epoch: 1, state: 'ended', reason: 'host_lost' });
    end.match(REQUEST_ID, { epoch: 2, host, ticket: 'secret-ticket-3' });
    end.session({ epoch: 2, state: 'active' });
    expect(await events.next()).to.equal('active');
    expect(session.ticket).to.equal('secret-ticket-3');
    expect(events.all).to.deep.equal(['connected', 'replaced by host-2', 'active']);
  });

  it('end when no other host was found', async () => {
    const { end, session } = await playing();
    end.session({ state: 'ended', reason: 'host_lost' });
    expect(await session.ended).to.equal('host_lost');
  });

  it('learn on the next connection that their host was lost meanwhile', async () => {
    const all = await playing();
    const next = await lose(all);
    await next.next('play');
    next.match(REQUEST_ID, { epoch: 2, host: { hostId: 'host-2', endpoint: 'wss://host-2.example' } });
    expect(await all.events.next()).to.equal('replaced by host-2');
  });

  it('emit warnings of limits, and their withdrawal', async () => {
    const { end, session } = await playing();
    const limits = new EventBuffer<object>('limit of the session');
    session.on('limit', (limit) => limits.add(limit));
    end.send({ type: 'limit', sessionId: SESSION_ID, kind: 'idle', endsAtMs: 1_800_000_000_000 });
    end.send({ type: 'limit', sessionId: SESSION_ID, kind: 'idle' });
    end.send({ type: 'limit', sessionId: OTHER_SESSION_ID, kind: 'max_length', endsAtMs: 1 });
    end.send({ type: 'limit', sessionId: SESSION_ID, kind: 'idle', endsAtMs: null });
    await limits.next((limit) => 'endsAtMs' in limit && limit.endsAtMs === null);
    expect(limits.all).to.deep.equal([
      { kind: 'idle', endsAtMs: 1_800_000_000_000 },
      { kind: 'idle', endsAtMs: null },
    ]);
  });

  it('contain the servers that a WebRTC connection needs', async () => {
    const { end, session, events } = await playing();
    expect(session.iceServers).to.equal(undefined);
    const iceServers = [{ urls: ['turn:turn.example'], username: 'u', credential: 'secret-ticket-of-turn' }];
    end.match(REQUEST_ID, { iceServers });
    end.session({ state: 'active' });
    await events.next();
    expect(session.iceServers).to.deep.equal(iceServers);
    expect(inspect(session, { depth: 5 })).not.to.contain('secret-ticket-of-turn');
  });

  it('end when another device of the player takes over', async () => {
    const { end, session } = await playing();
    end.session({ state: 'ended', reason: 'superseded' });
    expect(await session.ended).to.equal('superseded');
  });

  it('move to the request of the same client that resumes them', async () => {
    const { client, end, session, events } = await playing();
    const resuming = client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: 'request-2',
      onConflict: 'resume',
    });
    expect(await end.next('play')).to.include({ requestId: 'request-2', onConflict: 'resume' });
    end.match('request-2');
    end.session({ state: 'connected' });
    const resumed = await resuming;
    expect(await session.ended).to.equal('superseded');
    expect(resumed).to.include({ requestId: 'request-2', sessionId: SESSION_ID });
    expect(client.sessions).to.deep.equal([resumed]);
    expect(events.all).to.deep.equal(['ended: superseded']);
  });

  it('emit the replacement when a state of the new epoch arrives before the match', async () => {
    const { end, session, events } = await playing();
    end.session({ state: 'connected' });
    end.session({ epoch: 2, state: 'active' });
    await end.next('play');
    const host = { hostId: 'host-2', endpoint: 'wss://host-2.example' };
    end.match(REQUEST_ID, { epoch: 2, host, ticket: 'secret-ticket-2' });
    end.session({ epoch: 2, state: 'active' });
    await events.next((event) => event === 'active');
    expect(events.all).to.deep.equal(['connected', 'replaced by host-2', 'active']);
    expect(session).to.include({ epoch: 2, host: session.host, ticket: 'secret-ticket-2' });
    expect(session.host).to.deep.equal(host);
  });

  it('survive a lost socket: the request is repeated, and the same session is returned', async () => {
    const all = await playing();
    all.end.session({ state: 'connected' });
    await all.events.next();
    const next = await lose(all);
    expect(all.session.state).to.equal('connected');
    // Only to return: it must not wait for another slot, nor cost another session.
    const asked = all.end.frames.all[1];
    expect(await next.next('play')).to.deep.equal({ ...asked, wait: false, onConflict: 'fail' });
    next.match(REQUEST_ID, { ticket: 'secret-ticket-renewed' });
    next.session({ state: 'disconnected' });
    await all.events.next();
    expect(all.client.sessions).to.deep.equal([all.session]);
    expect(all.session.ticket).to.equal('secret-ticket-renewed');
    expect(all.events.all).to.deep.equal(['connected', 'disconnected']);
  });

  for (const { code, reason } of [
    { code: 'SESSION_OVER', reason: 'error' },
    { code: 'CANCELLED', reason: 'client_left' },
  ] as const) {
    it(`end when the broker answers the repeated request with ${code}`, async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      next.error({ code, requestId: REQUEST_ID });
      expect(await all.session.ended).to.equal(reason);
    });
  }

  for (const code of ['NO_CAPACITY', 'NO_REGION_IN_REACH', 'UNKNOWN_SESSION'] as const) {
    it(`stay when a broker that lost its data answers ${code}: the host may still run them`, async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      next.error({ code, requestId: REQUEST_ID, retryable: code === 'NO_CAPACITY' });
      next.session({ state: 'connected' });
      expect(await all.events.next()).to.equal('connected');
    });
  }

  it('are requested again a little later when the store is unavailable', async () => {
    const clock = new ManualClock();
    let warned: () => void = () => undefined;
    const ignore = (): void => undefined;
    const all = await playing({
      clock,
      random: () => 0,
      logger: { debug: () => setImmediate(warned), info: ignore, warn: ignore, error: ignore },
    });
    all.end.drop();
    await all.statuses.next(({ state }) => state === 'waiting');
    clock.advance(0);
    const next = await all.broker.welcome();
    await next.next('play');
    const heard = new Promise<void>((resolve) => (warned = resolve));
    next.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 800, requestId: REQUEST_ID });
    await heard;
    clock.advance(800);
    await next.next('play');
  });

  it('are not duplicated by a broker that lost its data: the second one is ended', async () => {
    const all = await playing();
    const next = await lose(all);
    await next.next('play');
    next.match(REQUEST_ID, { sessionId: OTHER_SESSION_ID });
    expect(await next.next('end')).to.deep.equal({ type: 'end', sessionId: OTHER_SESSION_ID });
    next.error({ code: 'SESSION_OVER', requestId: REQUEST_ID, sessionId: OTHER_SESSION_ID });
    next.session({ state: 'connected' });
    await all.events.next();
    expect(all.session).to.include({ sessionId: SESSION_ID, state: 'connected' });
  });

  it('are found again with a stored requestId', async () => {
    const { client, broker } = await playing();
    await client.close();
    const restarted = fixtures.client({ url: broker.url }).client;
    const resumed = restarted.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await broker.welcome();
    expect(await end.next('play')).to.include({ requestId: REQUEST_ID });
    end.match(REQUEST_ID);
    end.session({ state: 'disconnected' });
    expect((await resumed).sessionId).to.equal(SESSION_ID);
  });

  it('keep notifying other listeners when one throws or rejects', async () => {
    const errors: object[] = [];
    const ignore = (): void => undefined;
    const { end, session } = await playing({
      logger: { debug: ignore, info: ignore, warn: ignore, error: (fields) => errors.push(fields) },
    });
    const heard = new EventBuffer<string>('what the last listener heard');
    session.on('ended', () => {
      throw new Error('A bug in the application.');
    });
    session.on('ended', () => Promise.reject(new Error('Another one.')));
    session.on('ended', (reason) => heard.add(reason));
    const off = session.on('ended', () => heard.add('never'));
    off();
    end.session({ state: 'ended', reason: 'max_length' });
    expect(await heard.next()).to.equal('max_length');
    await nextTurn();
    expect(errors).to.have.length(2);
    expect(heard.all).to.deep.equal(['max_length']);
  });

  it('do not show their ticket when printed', async () => {
    const { session } = await playing();
    expect(inspect(session, { depth: 5 }) + JSON.stringify(session)).not.to.contain('secret-ticket');
  });

  describe('that the player ends', () => {
    it('are over when the broker confirms it', async () => {
      const { end, session, events } = await playing();
      const ending = session.end();
      expect(session.end()).to.equal(ending);
      expect(await end.next('end')).to.deep.equal({ type: 'end', sessionId: SESSION_ID });
      expect(session.state).to.equal('reserved');
      end.session({ state: 'ended', reason: 'client_left' });
      await ending;
      expect(await session.ended).to.equal('client_left');
      expect(events.all).to.deep.equal(['ended: client_left']);
      await session.end();
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'end']);
    });

    it('are ended after the reconnect, once the broker knows them', async () => {
      const all = await playing();
      all.end.drop();
      await all.statuses.next(({ state }) => state === 'waiting');
      const ending = all.session.end();
      const next = await all.broker.welcome();
      await next.next('play');
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'play']);
      next.match(REQUEST_ID);
      await next.next('end');
      next.session({ state: 'ended', reason: 'client_left' });
      await ending;
    });

    it('are ended once the broker knows them, also when end() is called before', async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      const ending = all.session.end();
      await next.next('play');
      next.match(REQUEST_ID);
      await next.next('end');
      next.session({ state: 'ended', reason: 'client_left' });
      await ending;
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'play', 'play', 'end']);
    });

    it('are over when they had ended before', async () => {
      const all = await playing();
      const ending = all.session.end();
      await all.end.next('end');
      const next = await lose(all);
      await next.next('play');
      next.error({ code: 'SESSION_OVER', requestId: REQUEST_ID });
      await ending;
      expect(await all.session.ended).to.equal('client_left');
    });

    it('are over when the broker lost its data and has no capacity for the repeated request', async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      const ending = all.session.end();
      await next.next('play');
      next.error({ code: 'NO_CAPACITY', requestId: REQUEST_ID, retryable: true });
      await ending;
      expect(await all.session.ended).to.equal('client_left');
    });

    it('are over when the broker lost its data and the player has another session now', async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      const ending = all.session.end();
      await next.next('play');
      next.error({ code: 'SESSION_EXISTS', requestId: REQUEST_ID, sessionId: OTHER_SESSION_ID });
      await ending;
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'play', 'play']);
    });

    it('are over when the broker lost its data and creates a second one, which is ended', async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      const ending = all.session.end();
      await next.next('play');
      next.match(REQUEST_ID, { sessionId: OTHER_SESSION_ID });
      expect(await next.next('end')).to.deep.equal({ type: 'end', sessionId: OTHER_SESSION_ID });
      await ending;
      expect(await all.session.ended).to.equal('client_left');
    });

    it('continue when the broker refuses, and can be ended later', async () => {
      const { end, session } = await playing();
      const refused = failure(session.end());
      await end.next('end');
      end.error({ code: 'STALE_EPOCH', sessionId: SESSION_ID });
      expect(await refused).to.include({ code: 'STALE_EPOCH' });
      const ending = session.end();
      await end.next('end');
      end.session({ state: 'ended', reason: 'client_left' });
      await ending;
    });

    it('are left running when the client closes', async () => {
      const { client, end, session } = await playing();
      const ending = failure(session.end());
      await end.next('end');
      await client.close();
      expect(await ending).to.include({ code: 'CLIENT_CLOSED' });
    });
  });

  it('continue when the client closes: nothing is sent, and the objects stay unchanged', async () => {
    const { client, end, session, events } = await playing();
    await client.close();
    expect(await end.closes.next()).to.equal(1000);
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
    expect(events.all).to.deep.equal([]);
    expect(await failure(session.end())).to.include({ code: 'CLIENT_CLOSED' });
    expect(session.state).to.equal('reserved');
  });
});
