import { inspect } from 'node:util';
import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { OTHER_SESSION_ID, SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { REQUEST_ID, sessionStarter } from './matched-session.js';

describe('client: sessions', () => {
  const fixtures = new Fixtures();
  const playing = sessionStarter(fixtures);
  afterEach(() => fixtures.stop());

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

  it('end for this client when another device of the player resumes them', async () => {
    const { client, end, session, events } = await playing();
    end.session({ state: 'connected' });
    const replaced = {
      type: 'replaced',
      requestId: REQUEST_ID,
      sessionId: SESSION_ID,
      byRequestId: 'request-2',
    };
    end.send(replaced);
    expect(await session.ended).to.equal('replaced');
    expect(client.sessions).to.deep.equal([]);
    expect(events.all).to.deep.equal(['connected', 'ended: replaced']);
    await session.end();
    expect(await end.receivedTypes()).to.not.include('end');
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
    expect(await session.ended).to.equal('replaced');
    expect(resumed).to.include({ requestId: 'request-2', sessionId: SESSION_ID });
    expect(client.sessions).to.deep.equal([resumed]);
    expect(events.all).to.deep.equal(['ended: replaced']);
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

  it('keep notifying other listeners when one throws or rejects', async () => {
    const errors: object[] = [];
    const ignore = (): void => undefined;
    const { end, session } = await playing({
      logger: { debug: ignore, info: ignore, warn: ignore, error: (fields) => errors.push(fields) },
    });
    const received = new EventBuffer<string>('what the last listener received');
    session.on('ended', () => {
      throw new Error('A bug in the application.');
    });
    session.on('ended', () => Promise.reject(new Error('Another one.')));
    session.on('ended', (reason) => received.add(reason));
    const off = session.on('ended', () => received.add('never'));
    off();
    end.session({ state: 'ended', reason: 'max_length' });
    expect(await received.next()).to.equal('max_length');
    await nextTurn();
    expect(errors).to.have.length(2);
    expect(received.all).to.deep.equal(['max_length']);
  });

  it('do not show their ticket when printed', async () => {
    const { session } = await playing();
    expect(inspect(session, { depth: 5 }) + JSON.stringify(session)).not.to.contain('secret-ticket');
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
