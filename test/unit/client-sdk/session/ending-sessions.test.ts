import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { OTHER_SESSION_ID, SESSION_ID } from '../scripted-broker.js';
import { REQUEST_ID, lose, sessionStarter } from './matched-session.js';

describe('client: sessions', () => {
  const fixtures = new Fixtures();
  const playing = sessionStarter(fixtures);
  afterEach(() => fixtures.stop());

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
});
