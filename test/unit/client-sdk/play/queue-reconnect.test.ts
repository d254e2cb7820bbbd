import { expect } from 'chai';
import { Fixtures } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { SESSION_ID } from '../scripted-broker.js';
import { REQUEST_ID, lose, queuedRequests, whenHandled } from './queued-request.js';

describe('client: waiting in the queue', () => {
  const fixtures = new Fixtures();
  const { queued, asking } = queuedRequests(fixtures);
  afterEach(() => fixtures.stop());

  describe('over a lost socket', () => {
    it('repeats the same request, and keeps its position', async () => {
      const waiting = await queued({ onConflict: 'takeover' });
      const next = await lose(waiting);
      expect(await next.next('play')).to.deep.equal(waiting.end.frames.all[1]);
      next.queued(REQUEST_ID, { position: 2 });
      expect(await waiting.positions.next()).to.include({ position: 2 });
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
});
