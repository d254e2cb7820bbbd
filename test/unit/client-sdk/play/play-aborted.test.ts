import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { OTHER_SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { RTT, clientConnector } from './connected-client.js';

describe('client: play()', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  afterEach(() => fixtures.stop());

  describe('when its caller aborts', () => {
    it('sends nothing if the abort came first', async () => {
      const { client, end } = await connected();
      const playing = client.play({ title: 'tetris', rtt: RTT, signal: AbortSignal.abort('no') });
      expect(await failure(playing)).to.include({ name: 'AbortError', code: 'ABORTED', cause: 'no' });
      expect(await end.receivedTypes()).to.deep.equal(['hello']);
    });

    it('stops during connecting', async () => {
      const { broker, client } = await fixtures.pair();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', signal: controller.signal }));
      await broker.accept();
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
    });

    it('stops during measuring', async () => {
      const { client, end } = await connected({ probe: () => new Promise(() => undefined) });
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', signal: controller.signal }));
      await nextTurn();
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      expect(await end.receivedTypes()).to.deep.equal(['hello']);
    });

    it('cancels the request, and ignores a match that crosses the cancel', async () => {
      const { client, end } = await connected();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const { requestId } = await end.next('play');
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      end.match(requestId);
      end.error({ code: 'CANCELLED', requestId });
      // The request has its answer, so the requestId may be used again.
      const again = client.play({ title: 'tetris', rtt: RTT, requestId: 'probe' });
      await end.next('play');
      end.match('probe', { sessionId: OTHER_SESSION_ID });
      const session = await again;
      expect(client.sessions).to.deep.equal([session]);
    });

    it('cancels it on each connection until a broker confirms it, and only then asks for another slot', async () => {
      const { broker, client, end, statuses } = await connected();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const { requestId } = await end.next('play');
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      controller.abort();
      expect(await playing).to.include({ code: 'ABORTED' });
      const next = await broker.welcome();
      expect(await next.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'cancel']);

      next.drop();
      const last = await broker.welcome();
      const other = client.play({ title: 'tetris', rtt: RTT, requestId: 'other' });
      expect(await last.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      expect(await last.receivedTypes()).to.deep.equal(['hello', 'cancel']);
      last.error({ code: 'CANCELLED', requestId });
      await last.next('play');
      last.match('other');
      await other;
      expect(await last.receivedTypes()).to.deep.equal(['hello', 'cancel', 'play']);
    });

    it('sends no cancel for a request that no broker received', async () => {
      const { broker, client } = await fixtures.pair();
      const controller = new AbortController();
      const playing = failure(client.play({ title: 'tetris', rtt: RTT, signal: controller.signal }));
      const end = await broker.accept();
      controller.abort();
      await playing;
      await end.welcome();
      await client.connect();
      const other = client.play({ title: 'tetris', rtt: RTT, requestId: 'other' });
      await end.next('play');
      end.match('other');
      await other;
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('keeps the session when it was matched before the abort', async () => {
      const { client, end } = await connected();
      const controller = new AbortController();
      const playing = client.play({ title: 'tetris', rtt: RTT, signal: controller.signal });
      end.match((await end.next('play')).requestId);
      const session = await playing;
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(0);
      controller.abort();
      expect(client.sessions).to.deep.equal([session]);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
    });
  });
});
