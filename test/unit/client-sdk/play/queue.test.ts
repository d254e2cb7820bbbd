import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { OTHER_SESSION_ID, SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { REQUEST_ID, queuedRequests, whenHandled } from './queued-request.js';

describe('client: waiting in the queue', () => {
  const fixtures = new Fixtures();
  const { queued } = queuedRequests(fixtures);
  afterEach(() => fixtures.stop());

  it('reports the position and every change, and accepts the slot when it is offered', async () => {
    const { end, playing, positions } = await queued();
    end.queued(REQUEST_ID, { position: 2, etaMs: { low: 4_000, high: 9_000 } });
    end.queued(REQUEST_ID, { position: 1, region: 'paris' });
    end.offer(REQUEST_ID);
    expect(await end.next('accept')).to.deep.equal({ type: 'accept', requestId: REQUEST_ID });
    end.match(REQUEST_ID);
    expect(await playing).to.include({ sessionId: SESSION_ID, requestId: REQUEST_ID });
    expect(positions.all).to.deep.equal([
      { position: 3, region: 'dublin' },
      { position: 2, region: 'dublin', etaMs: { low: 4_000, high: 9_000 } },
      { position: 1, region: 'paris' },
    ]);
  });

  it('sends the choices of the player about waiting, other sessions and lost hosts', async () => {
    const { broker, client } = await fixtures.pair();
    const wishes = { wait: false, onConflict: 'takeover', onHostLost: 'end' } as const;
    void failure(client.play({ title: 'tetris', rtt: { dublin: 12.5 }, ...wishes }));
    expect(await (await broker.welcome()).next('play')).to.include(wishes);
  });

  it('is offered a slot at once when one has become free', async () => {
    const { broker, client } = await fixtures.pair();
    const playing = client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await broker.welcome();
    await end.next('play');
    end.offer(REQUEST_ID);
    await end.next('accept');
    end.match(REQUEST_ID);
    await playing;
  });

  it('continues when the listener throws or rejects', async () => {
    const logged: string[] = [];
    const ignore = (): void => undefined;
    const logger = {
      ...{ debug: ignore, info: ignore, warn: ignore },
      error: (_: object, message: string) => logged.push(message),
    };
    const { broker, client } = await fixtures.pair({ logger });
    const failures = [() => Promise.reject(new Error('A bug.')), () => expect.fail('Another one.')];
    const playing = client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onQueued: () => failures.pop()?.(),
    });
    const end = await broker.welcome();
    await end.next('play');
    end.queued(REQUEST_ID);
    end.queued(REQUEST_ID, { position: 2 });
    end.match(REQUEST_ID);
    await playing;
    await nextTurn();
    expect(logged).to.have.length(2);
  });

  it('never gives up by itself, however long it takes', async () => {
    const clock = new ManualClock();
    const { end, playing } = await queued({ retry: { maxWaitMs: 1_000 } }, { clock, pingIntervalMs: 1e9 });
    clock.advance(3_600_000);
    end.offer(REQUEST_ID);
    await end.next('accept');
    end.match(REQUEST_ID);
    await playing;
  });

  for (const { code, retryable } of [
    { code: 'QUEUE_FULL', retryable: true },
    { code: 'TIMED_OUT', retryable: false },
    { code: 'CANCELLED', retryable: false },
    { code: 'NO_REGION_IN_REACH', retryable: false },
  ] as const) {
    it(`ends with ${code} when the broker reports it`, async () => {
      const { client, end, playing } = await queued();
      end.error({ code, retryable, requestId: REQUEST_ID });
      expect(await failure(playing)).to.include({ code });
      expect(client.sessions).to.deep.equal([]);
    });
  }

  it('retries when the queue is full, if its caller wants that', async () => {
    const clock = new ManualClock();
    const { end } = await queued(
      { retry: { maxWaitMs: 10_000 } },
      { clock, random: () => 0, logger: whenHandled(() => clock.advance(2_000)) },
    );
    end.error({ code: 'QUEUE_FULL', retryable: true, retryAfterMs: 2_000, requestId: REQUEST_ID });
    expect(await end.next('play')).to.include({ requestId: REQUEST_ID });
  });

  it('is refused with the id of the other session, when the player has one', async () => {
    const { broker, client } = await fixtures.pair();
    const playing = failure(client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID }));
    const end = await broker.welcome();
    await end.next('play');
    end.error({ code: 'SESSION_EXISTS', requestId: REQUEST_ID, sessionId: OTHER_SESSION_ID });
    expect(await playing).to.include({ code: 'SESSION_EXISTS', sessionId: OTHER_SESSION_ID });
  });

  describe('when its caller aborts', () => {
    it('cancels the request while it waits', async () => {
      const controller = new AbortController();
      const { end, playing } = await queued({ signal: controller.signal });
      controller.abort();
      expect(await failure(playing)).to.include({ code: 'ABORTED' });
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId: REQUEST_ID });
    });

    it('ignores an offer or match that crosses the cancel', async () => {
      const controller = new AbortController();
      const { client, end, positions, playing } = await queued({ signal: controller.signal });
      controller.abort();
      await failure(playing);
      end.offer(REQUEST_ID);
      end.queued(REQUEST_ID);
      end.match(REQUEST_ID);
      end.session({ state: 'ended', reason: 'client_left' });
      end.error({ code: 'CANCELLED', requestId: REQUEST_ID });
      const other = client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: 'other' });
      await end.next('play');
      end.match('other', { sessionId: OTHER_SESSION_ID });
      const session = await other;
      expect(client.sessions).to.deep.equal([session]);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'cancel', 'play']);
      expect(positions.all).to.have.length(1);
    });

    it('cancels between accept and match', async () => {
      const controller = new AbortController();
      const { end, playing } = await queued({ signal: controller.signal });
      end.offer(REQUEST_ID);
      await end.next('accept');
      controller.abort();
      expect(await failure(playing)).to.include({ code: 'ABORTED' });
      await end.next('cancel');
    });

    it('cancels on the next connection when there is none', async () => {
      const controller = new AbortController();
      const waiting = await queued({ signal: controller.signal });
      waiting.end.drop();
      await waiting.statuses.next(({ state }) => state === 'waiting');
      controller.abort();
      await failure(waiting.playing);
      const next = await waiting.broker.welcome();
      await next.next('cancel');
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'cancel']);
    });
  });
});
