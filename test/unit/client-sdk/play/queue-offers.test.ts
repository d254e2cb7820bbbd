import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { REQUEST_ID, queuedRequests } from './queued-request.js';

describe('client: waiting in the queue', () => {
  const fixtures = new Fixtures();
  const { queued, asking } = queuedRequests(fixtures);
  afterEach(() => fixtures.stop());

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
      const { end, playing, positions, questions } = await asking();
      end.offer(REQUEST_ID);
      const missed = await questions.next();
      end.queued(REQUEST_ID, { position: 9 });
      await positions.next();
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
      const { end, playing, positions } = await queued();
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.error({ code: 'NO_OFFER', requestId: REQUEST_ID });
      end.queued(REQUEST_ID, { position: 12 });
      expect(await positions.next()).to.include({ position: 12 });
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.match(REQUEST_ID);
      await playing;
    });

    it('handles NO_OFFER and queued in either order', async () => {
      const { end, playing, positions } = await queued();
      end.offer(REQUEST_ID);
      await end.next('accept');
      end.queued(REQUEST_ID, { position: 12 });
      await positions.next();
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
});
