import type { Client } from '@duskline/client/node';
import { expect } from 'chai';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { Fixtures, failure } from '../fixture.js';
import { OTHER_SESSION_ID, SESSION_ID, type ScriptedConnection } from '../scripted-broker.js';
import { RTT, clientConnector, type Connected } from './connected-client.js';

describe('client: a request after one that the player gives up', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  afterEach(() => fixtures.stop());

  /** Asks for another slot, and gets it. */
  async function expectNextMatch(
    client: Client,
    end: ScriptedConnection,
    playing: Promise<unknown>,
  ): Promise<void> {
    const { requestId } = await end.next('play');
    end.match(requestId, { sessionId: OTHER_SESSION_ID });
    await playing;
    expect(client.sessions.map(({ sessionId }) => sessionId)).to.deep.equal([OTHER_SESSION_ID]);
  }

  async function playing(): Promise<
    Connected & { readonly left: Promise<void>; readonly next: Promise<unknown> }
  > {
    const all = await connected();
    const asked = all.client.play({ title: 'tetris', rtt: RTT, requestId: 'first' });
    await all.end.next('play');
    all.end.match('first');
    const left = (await asked).end();
    const next = all.client.play({ title: 'tetris', rtt: RTT, requestId: 'second' });
    return { ...all, left, next };
  }

  it('is sent when the end of the session is confirmed', async () => {
    const { client, end, left, next } = await playing();
    await end.next('end');
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'end']);
    end.session({ state: 'ended', reason: 'client_left' });
    await left;
    await expectNextMatch(client, end, next);
  });

  it('is sent after the end of the session when the socket was lost before that was confirmed', async () => {
    const { broker, client, end, left, next } = await playing();
    await end.next('end');
    end.drop();
    const again = await broker.welcome();
    expect(await again.next('play')).to.include({ requestId: 'first', wait: false, onConflict: 'fail' });
    again.match('first');
    expect(await again.next('end')).to.include({ sessionId: SESSION_ID });
    expect(await again.receivedTypes()).to.deep.equal(['hello', 'play', 'end']);
    again.session({ state: 'ended', reason: 'client_left' });
    await left;
    await expectNextMatch(client, again, next);
  });

  it('is sent after the end of the session when the store was unreachable meanwhile', async () => {
    const clock = new ManualClock();
    const all = await connected({ clock, random: () => 0 });
    const { client, end } = all;
    const asked = client.play({ title: 'tetris', rtt: RTT, requestId: 'first' });
    await end.next('play');
    end.match('first');
    const left = (await asked).end();
    const next = client.play({ title: 'tetris', rtt: RTT, requestId: 'second' });
    await end.next('end');
    end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 800, sessionId: SESSION_ID });
    await end.receivedTypes();
    clock.advance(800);
    expect(await end.next('play')).to.include({ requestId: 'first' });
    end.match('first');
    await end.next('end');
    end.session({ state: 'ended', reason: 'client_left' });
    await left;
    await expectNextMatch(client, end, next);
  });

  it('is sent when the cancel of the request before is confirmed', async () => {
    const { client, end } = await connected();
    const controller = new AbortController();
    const aborted = failure(
      client.play({ title: 'tetris', rtt: RTT, requestId: 'first', signal: controller.signal }),
    );
    await end.next('play');
    controller.abort();
    await aborted;
    const next = client.play({ title: 'tetris', rtt: RTT, requestId: 'second' });
    await end.next('cancel');
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'cancel']);
    end.error({ code: 'CANCELLED', requestId: 'first' });
    await expectNextMatch(client, end, next);
  });

  it('is not sent when it is aborted while it waits', async () => {
    const { end, left, next, client } = await playing();
    const controller = new AbortController();
    const third = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
    controller.abort();
    expect(await third).to.include({ code: 'ABORTED' });
    await end.next('end');
    end.session({ state: 'ended', reason: 'client_left' });
    await left;
    await expectNextMatch(client, end, next);
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'end', 'play']);
  });

  it('goes ahead when the broker refuses to end the session', async () => {
    const { end, left, next } = await playing();
    await end.next('end');
    end.error({ code: 'STALE_EPOCH', sessionId: SESSION_ID });
    expect(await failure(left)).to.include({ code: 'STALE_EPOCH' });
    await end.next('play');
    end.error({ code: 'SESSION_EXISTS', requestId: 'second', sessionId: SESSION_ID });
    expect(await failure(next)).to.include({ code: 'SESSION_EXISTS' });
  });
});
