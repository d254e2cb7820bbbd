import type { DusklineError, Session } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, type Fixture } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { OTHER_SESSION_ID, SESSION_ID, type ScriptedConnection } from '../scripted-broker.js';

const REQUEST_ID = 'request-1';

interface Playing extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
}

describe('client: signals', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  async function playing(): Promise<Playing> {
    const pair = await fixtures.pair();
    const asked = pair.client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await pair.broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    return { ...pair, end, session: await asked };
  }

  async function lose({ end, broker, statuses }: Playing): Promise<ScriptedConnection> {
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    const next = await broker.welcome();
    await next.next('play');
    return next;
  }

  function said(end: ScriptedConnection): string[] {
    return end.frames.all.flatMap((frame) => (frame.type === 'signal' ? frame.data : []));
  }

  it('are sent to the host of their session', async () => {
    const { end, session } = await playing();
    session.signal('{"sdp":"offer"}');
    expect(await end.next('signal')).to.deep.equal({
      type: 'signal',
      sessionId: SESSION_ID,
      data: '{"sdp":"offer"}',
    });
  });

  it('are received from it, in order', async () => {
    const { end, session } = await playing();
    const received = new EventBuffer<string>('signal of the host');
    session.on('signal', (data) => received.add(data));
    end.signal('for somebody else', { sessionId: OTHER_SESSION_ID });
    end.signal('one');
    end.signal('two');
    await received.next((data) => data === 'two');
    expect(received.all).to.deep.equal(['one', 'two']);
  });

  it('that arrived before there was a listener are delivered to the first one', async () => {
    const { broker, client } = await fixtures.pair();
    const asked = client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    end.signal('one');
    end.session({ state: 'active' });
    const session = await asked;
    if (session.state === 'reserved') await new Promise((resolve) => session.on('state', resolve));
    const received: string[] = [];
    session.on('signal', (data) => void received.push(data));
    session.on('signal', (data) => void received.push(`second listener: ${data}`));
    expect(received).to.deep.equal(['one']);
  });

  it('wait while the connection is lost, and are sent in order once the session is found again', async () => {
    const all = await playing();
    all.end.drop();
    await all.statuses.next(({ state }) => state === 'waiting');
    all.session.signal('one');
    const next = await all.broker.welcome();
    await next.next('play');
    all.session.signal('two');
    expect(said(next)).to.deep.equal([]);
    next.match(REQUEST_ID);
    await next.next('signal');
    all.session.signal('three');
    await next.next('signal');
    await next.next('signal');
    expect(said(next)).to.deep.equal(['one', 'two', 'three']);
  });

  it('keep waiting when the connection is lost once more', async () => {
    const all = await playing();
    const second = await lose(all);
    all.session.signal('one');
    const third = await lose({ ...all, end: second });
    all.session.signal('two');
    third.match(REQUEST_ID);
    await third.next('signal');
    await third.next('signal');
    expect(said(third)).to.deep.equal(['one', 'two']);
    expect(said(second)).to.deep.equal([]);
  });

  it('wait up to a limit of 64', async () => {
    const all = await playing();
    const next = await lose(all);
    for (let n = 1; n <= 64; n += 1) all.session.signal(`signal ${n}`);
    expect(() => all.session.signal('one too many'))
      .to.throw()
      .with.property('code', 'TOO_MANY_SIGNALS');
    next.match(REQUEST_ID);
    for (let n = 1; n <= 64; n += 1) expect(await next.next('signal')).to.include({ data: `signal ${n}` });
  });

  it('that were meant for a lost host are not sent to the next one', async () => {
    const all = await playing();
    const next = await lose(all);
    all.session.signal('a candidate of the old connection');
    all.session.on('replaced', () => all.session.signal('an offer to the new host'));
    next.match(REQUEST_ID, { epoch: 2, host: { hostId: 'host-2', endpoint: 'wss://host-2.example' } });
    await next.next('signal');
    expect(said(next)).to.deep.equal(['an offer to the new host']);
  });

  it('that did not arrive are reported, and the session continues', async () => {
    const { client, end, session } = await playing();
    const lost = new EventBuffer<DusklineError>('lost signal');
    session.on('signalLost', (error) => lost.add(error));
    session.signal('one');
    await end.next('signal');
    end.error({ code: 'PEER_AWAY', retryable: true, sessionId: SESSION_ID });
    end.error({ code: 'TOO_MANY_SIGNALS', retryable: true, sessionId: SESSION_ID });
    end.error({ code: 'UNAVAILABLE', retryable: true, sessionId: SESSION_ID });
    end.error({ code: 'UNKNOWN_SESSION', sessionId: SESSION_ID });
    await lost.next(({ code }) => code === 'UNKNOWN_SESSION');
    expect(lost.all.map(({ code }) => code)).to.deep.equal([
      'PEER_AWAY',
      'TOO_MANY_SIGNALS',
      'UNAVAILABLE',
      'UNKNOWN_SESSION',
    ]);
    expect(client.sessions).to.deep.equal([session]);
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'signal']);
  });

  it('that did not arrive do not prevent the end of the session', async () => {
    const { end, session } = await playing();
    session.signal('goodbye');
    const ending = session.end();
    await end.next('end');
    end.error({ code: 'PEER_AWAY', retryable: true, sessionId: SESSION_ID });
    end.session({ state: 'ended', reason: 'client_left' });
    await ending;
  });

  it('are validated before they are sent', async () => {
    const { end, session } = await playing();
    for (const data of ['', 'x'.repeat(16_385), 7 as unknown as string]) {
      expect(() => session.signal(data)).to.throw(TypeError);
    }
    session.signal('x'.repeat(16_384));
    expect((await end.next('signal')).data).to.have.length(16_384);
  });

  it('are not sent once the session is over', async () => {
    const { client, end, session } = await playing();
    end.session({ state: 'ended', reason: 'idle' });
    await session.ended;
    session.signal('too late');
    await client.close();
    await end.closes.next();
    expect(said(end)).to.deep.equal([]);
  });
});
