import type { ClientOptions, PlayOptions, QueueState, Session, SlotOffer } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, failure, type Fixture } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ManualClock } from '../manual-clock.js';
import { OTHER_SESSION_ID, SESSION_ID, type ScriptedConnection } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';

const REQUEST_ID = 'request-1';

interface Waiting extends Fixture {
  readonly end: ScriptedConnection;
  readonly playing: Promise<Session>;
  readonly regionPools: EventBuffer<QueueState>;
}

/** A question to the player, which the test answers. */
interface Question extends SlotOffer {
  readonly answer: (wanted: boolean) => void;
}

describe('client: waiting in the queue', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  /** A client whose request was sent and is queued. */
  async function queued(
    options: Partial<PlayOptions> = {},
    clientOptions: Partial<ClientOptions> = {},
  ): Promise<Waiting> {
    const pair = await fixtures.pair(clientOptions);
    const regionPools = new EventBuffer<QueueState>('place in the queue');
    const playing = pair.client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onQueued: (state) => regionPools.add(state),
      ...options,
    });
    playing.catch(() => undefined);
    const end = await pair.broker.welcome();
    await end.next('play');
    end.queued(REQUEST_ID);
    await regionPools.next();
    return { ...pair, end, playing, regionPools };
  }

  /** The same, with a player who is asked before a slot is taken. */
  async function asking(): Promise<Waiting & { readonly questions: EventBuffer<Question> }> {
    const questions = new EventBuffer<Question>('question to the player');
    const waiting = await queued({
      onOffer: (offer) =>
        new Promise<boolean>((resolve) => {
          questions.add({ ...offer, answer: resolve });
        }),
    });
    return { ...waiting, questions };
  }

  async function lose({ end, broker, statuses }: Waiting): Promise<ScriptedConnection> {
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    return broker.welcome();
  }

  it('reports the position and every change, and accepts the slot when it is offered', async () => {
    const { end, playing, regionPools } = await queued();
    end.queued(REQUEST_ID, { position: 2, etaMs: { low: 4_000, high: 9_000 } });
    end.queued(REQUEST_ID, { position: 1, region: 'paris' });
    end.offer(REQUEST_ID);
    expect(await end.next('accept')).to.deep.equal({ type: 'accept', requestId: REQUEST_ID });
    end.match(REQUEST_ID);
    expect(await playing).to.include({ sessionId: SESSION_ID, requestId: REQUEST_ID });
    expect(regionPools.all).to.deep.equal([
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

  describe('over a lost socket', () => {
    it('repeats the same request, and keeps its position', async () => {
      const waiting = await queued({ onConflict: 'takeover' });
      const next = await lose(waiting);
      expect(await next.next('play')).to.deep.equal(waiting.end.frames.all[1]);
      next.queued(REQUEST_ID, { position: 2 });
      expect(await waiting.regionPools.next()).to.include({ position: 2 });
      next.offer(REQUEST_ID);
      await next.next('accept');
      next.match(REQUEST_ID);
      await waiting.playing;
    });

    it('accepts that the repeat is answered with an offer or a session', async () => {
      const waiting = await queued();
      const second = await lose(waiting);
      await second.next('play');
      second.offer(REQUEST_ID, { acceptWithinMs: 4_000 });
      await second.next('accept');
      const third = await lose({ ...waiting, end: second });
      await third.next('play');
      third.match(REQUEST_ID);
      expect(await waiting.playing).to.include({ sessionId: SESSION_ID });
      expect(await third.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('accepts again when the first accept was lost with the socket, without asking the player twice', async () => {
      const waiting = await asking();
      waiting.end.offer(REQUEST_ID);
      (await waiting.questions.next()).answer(true);
      await waiting.end.next('accept');
      const next = await lose(waiting);
      await next.next('play');
      next.offer(REQUEST_ID, { acceptWithinMs: 9_000 });
      await next.next('accept');
      next.match(REQUEST_ID);
      await waiting.playing;
      expect(waiting.questions.all).to.have.length(1);
    });

    it('does not ask the player twice when the same offer is repeated', async () => {
      const waiting = await asking();
      waiting.end.offer(REQUEST_ID);
      const question = await waiting.questions.next();
      const next = await lose(waiting);
      await next.next('play');
      next.offer(REQUEST_ID, { acceptWithinMs: 9_000 });
      next.send({ type: 'pong', id: 1 });
      question.answer(true);
      await next.next('accept');
      next.match(REQUEST_ID);
      await waiting.playing;
      expect(waiting.questions.all).to.have.length(1);
    });

    it('accepts on the next connection when the player agrees while there is none', async () => {
      const waiting = await asking();
      waiting.end.offer(REQUEST_ID);
      const question = await waiting.questions.next();
      waiting.end.drop();
      await waiting.statuses.next(({ state }) => state === 'waiting');
      question.answer(true);
      const next = await waiting.broker.welcome();
      await next.next('play');
      next.offer(REQUEST_ID);
      await next.next('accept');
      next.match(REQUEST_ID);
      await waiting.playing;
    });

    it('repeats the request when the attempt of the lost connection is still running', async () => {
      const clock = new ManualClock();
      const logger = whenHandled(() => clock.advance(800));
      const { broker, client, statuses } = await fixtures.pair({ clock, random: () => 0, logger });
      const playing = client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
      const end = await broker.welcome();
      await end.next('play');
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      clock.advance(0);
      const next = await broker.welcome();
      await next.next('play');
      next.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 800, requestId: REQUEST_ID });
      await next.next('play');
      next.match(REQUEST_ID);
      await playing;
    });

    it('repeats the request a little later when the store is unavailable, and keeps its position', async () => {
      const clock = new ManualClock();
      const waiting = await queued(
        {},
        { clock, random: () => 0, logger: whenHandled(() => clock.advance(800)) },
      );
      const { end } = waiting;
      end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 800, requestId: REQUEST_ID });
      await end.next('play');
      end.match(REQUEST_ID);
      await waiting.playing;
    });
  });

  describe('with onOffer', () => {
    it('shows the offer, and accepts it when the player agrees', async () => {
      const { end, playing, questions } = await asking();
      end.offer(REQUEST_ID, { region: 'paris', acceptWithinMs: 9_000 });
      const question = await questions.next();
      expect(question).to.include({ region: 'paris', acceptWithinMs: 9_000 });
      expect(question.signal.aborted).to.equal(false);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
      question.answer(true);
      await end.next('accept');
      end.match(REQUEST_ID);
      await playing;
    });

    it('leaves the queue when the player declines', async () => {
      const { client, end, playing, questions } = await asking();
      end.offer(REQUEST_ID);
      (await questions.next()).answer(false);
      expect(await failure(playing)).to.include({ code: 'OFFER_DECLINED', requestId: REQUEST_ID });
      await end.next('cancel');
      end.error({ code: 'CANCELLED', requestId: REQUEST_ID });
      expect(client.sessions).to.deep.equal([]);
    });

    it('leaves the queue, and logs the reason, when the application throws', async () => {
      const cause = new Error('A bug.');
      const ignore = (): void => undefined;
      const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
      const { end, playing } = await queued({ onOffer: () => Promise.reject(cause) }, { logger });
      end.offer(REQUEST_ID);
      expect(await failure(playing)).to.include({ code: 'OFFER_DECLINED', cause });
      await end.next('cancel');
    });

    it('withdraws the question when the offer expires, and asks again at the next offer', async () => {
      const { end, playing, regionPools, questions } = await asking();
      end.offer(REQUEST_ID);
      const missed = await questions.next();
      end.queued(REQUEST_ID, { position: 9 });
      await regionPools.next();
      expect(missed.signal.aborted).to.equal(true);
      missed.answer(true);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);

      end.offer(REQUEST_ID);
      (await questions.next()).answer(true);
      await end.next('accept');
      end.match(REQUEST_ID);
      await playing;
    });

    it('ends with TIMED_OUT when the second offer is missed too', async () => {
      const { end, playing, questions } = await asking();
      end.offer(REQUEST_ID);
      const { signal } = await questions.next();
      end.error({ code: 'TIMED_OUT', requestId: REQUEST_ID });
      expect(await failure(playing)).to.include({ code: 'TIMED_OUT' });
      expect(signal.aborted).to.equal(true);
    });

    it('ignores an answer that comes after the client is closed', async () => {
      const { client, end, playing, questions } = await asking();
      end.offer(REQUEST_ID);
      const question = await questions.next();
      await client.close();
      expect(await failure(playing)).to.include({ code: 'CLIENT_CLOSED' });
      expect(question.signal.aborted).to.equal(true);
      question.answer(true);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'cancel']);
    });
  });

  describe('when accept and expiry cross', () => {
    it('keeps waiting after NO_OFFER, and accepts the next offer', async () => {
      const { end, playing, regionPools } = await queued();
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.error({ code: 'NO_OFFER', requestId: REQUEST_ID });
      end.queued(REQUEST_ID, { position: 12 });
      expect(await regionPools.next()).to.include({ position: 12 });
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.match(REQUEST_ID);
      await playing;
    });

    it('handles NO_OFFER and queued in either order', async () => {
      const { end, playing, regionPools } = await queued();
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.queued(REQUEST_ID, { position: 12 });
      await regionPools.next();
      end.error({ code: 'NO_OFFER', requestId: REQUEST_ID });
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.match(REQUEST_ID);
      await playing;
    });

    it('asks the player again at the next offer, which may come much later', async () => {
      const { end, questions } = await asking();
      end.offer(REQUEST_ID);
      (await questions.next()).answer(true);
      await end.next('accept');
      end.error({ code: 'NO_OFFER', requestId: REQUEST_ID });
      end.offer(REQUEST_ID);
      await questions.next();
    });

    it('keeps the session when NO_OFFER arrives after its match', async () => {
      const { client, end, playing } = await queued();
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.match(REQUEST_ID);
      end.error({ code: 'NO_OFFER', requestId: REQUEST_ID });
      const session = await playing;
      end.session({ state: 'active' });
      await new Promise((resolve) => session.on('state', resolve));
      expect(client.sessions).to.deep.equal([session]);
    });
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
      const { client, end, regionPools, playing } = await queued({ signal: controller.signal });
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
      expect(regionPools.all).to.have.length(1);
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

/** A logger that calls back when a frame that just came in was dealt with. */
function whenHandled(callback: () => void): NonNullable<ClientOptions['logger']> {
  const ignore = (): void => undefined;
  const debug = (fields: object): void => {
    if ('type' in fields && fields.type === 'error') setImmediate(callback);
  };
  return { debug, info: ignore, warn: ignore, error: ignore };
}
