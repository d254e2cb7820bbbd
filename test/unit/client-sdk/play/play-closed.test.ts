import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { RTT, clientConnector } from './connected-client.js';

describe('client: play()', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  afterEach(() => fixtures.stop());

  describe('when the client is closed', () => {
    it('cancels pending requests, rejects them, and leaves no timer', async () => {
      const clock = new ManualClock();
      const { client, end } = await connected({ clock });
      const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
      const { requestId } = await end.next('play');
      const closing = client.close();
      expect(client.close()).to.equal(closing);
      expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId });
      expect(await end.closes.next()).to.equal(1000);
      await closing;
      expect(client.status).to.deep.equal({ state: 'closed' });
      expect(clock.pending).to.equal(0);
    });

    it('rejects later requests', async () => {
      const { client } = await connected();
      await client.close();
      for (const attempt of [
        client.connect(),
        client.measureRegions(),
        client.play({ title: 'tetris' }),
        client.play({ title: 'tetris', rtt: RTT }),
      ]) {
        expect(await failure(attempt)).to.include({ code: 'CLIENT_CLOSED' });
      }
    });

    for (const moment of ['idle', 'token', 'opening', 'hello', 'waiting'] as const) {
      it(`leaves nothing behind at any moment: ${moment}`, async () => {
        const clock = new ManualClock();
        const { broker, client, statuses } = await fixtures.pair({
          clock,
          ...(moment === 'token' && { token: () => new Promise<string>(() => undefined) }),
        });
        const playing = moment === 'idle' ? undefined : failure(client.play({ title: 'tetris', rtt: RTT }));
        if (moment === 'hello') await (await broker.accept()).next('hello');
        if (moment === 'waiting') {
          (await broker.accept()).drop();
          await statuses.next(({ state }) => state === 'waiting');
        }
        if (moment === 'opening') await nextTurn();
        await client.close();
        if (playing !== undefined) expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
        expect(client.status).to.deep.equal({ state: 'closed' });
        await nextTurn();
        expect(clock.pending).to.equal(0);
      });
    }

    it('can be closed by a listener, at every status', async () => {
      for (const at of ['connecting', 'ready']) {
        const { broker, client } = await fixtures.pair();
        client.on('status', async ({ state }) => {
          if (state === at) await client.close();
        });
        const playing = failure(client.play({ title: 'tetris', rtt: RTT }));
        if (at === 'ready') await broker.welcome();
        expect(await playing).to.include({ code: 'CLIENT_CLOSED' });
        expect(client.status).to.deep.equal({ state: 'closed' });
      }
    });
  });
});
