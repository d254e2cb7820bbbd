import { expect } from 'chai';
import { Fixtures, failure } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { SESSION_ID } from '../scripted-broker.js';
import { RTT, clientConnector, type Connected } from './connected-client.js';

describe('client: play()', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  afterEach(() => fixtures.stop());

  describe('with retries while there is no capacity', () => {
    async function waitingForRoom(maxWaitMs: number): Promise<
      Connected & {
        clock: ManualClock;
        playing: Promise<unknown>;
        refuse: (fields?: object) => Promise<string>;
      }
    > {
      const clock = new ManualClock();
      let handled: () => void = () => undefined;
      const ignore = (): void => undefined;
      const pair = await connected({
        clock,
        random: () => 0.5,
        logger: { debug: () => setImmediate(handled), info: ignore, warn: ignore, error: ignore },
      });
      const { client, end } = pair;
      const playing = client.play({ title: 'tetris', rtt: RTT, retry: { maxWaitMs } });
      playing.catch(ignore);
      const refuse = async (fields: object = {}): Promise<string> => {
        const { requestId } = await end.next('play');
        const errorHandled = new Promise<void>((resolve) => (handled = resolve));
        end.error({ code: 'NO_CAPACITY', retryable: true, retryAfterMs: 2_000, requestId, ...fields });
        await errorHandled;
        return requestId;
      };
      return { ...pair, clock, playing, refuse };
    }

    it('repeats the request with the same requestId, after the retry time and a random delay', async () => {
      const { clock, end, playing, refuse } = await waitingForRoom(10_000);
      const requestId = await refuse();
      clock.advance(2_499);
      expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
      clock.advance(1);
      expect(await end.next('play')).to.include({ requestId });
      end.match(requestId);
      expect(await playing).to.include({ sessionId: SESSION_ID });
    });

    it('keeps the retry time after a lost socket', async () => {
      const { broker, clock, client, end, refuse, statuses } = await waitingForRoom(10_000);
      const requestId = await refuse();
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      clock.advance(0);
      const next = await broker.welcome();
      await client.connect();
      void failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'other' }));
      expect(await next.next('play')).to.include({ requestId: 'other' });
      clock.advance(2_500);
      expect(await next.next('play')).to.include({ requestId });
    });

    it('also retries while the store is unavailable', async () => {
      const { clock, end, refuse } = await waitingForRoom(10_000);
      await refuse({ code: 'UNAVAILABLE' });
      clock.advance(2_500);
      await end.next('play');
    });

    it('rejects with the last refusal when the next retry would exceed its time limit', async () => {
      const { clock, playing, refuse } = await waitingForRoom(4_000);
      await refuse();
      clock.advance(2_500);
      await refuse({ message: 'Still full.' });
      expect(await failure(playing)).to.include({ code: 'NO_CAPACITY', message: 'Still full.' });
    });

    it('does not retry after errors that are not retryable', async () => {
      const { playing, refuse } = await waitingForRoom(10_000);
      await refuse({ code: 'UNKNOWN_TITLE', retryable: false });
      expect(await failure(playing)).to.include({ code: 'UNKNOWN_TITLE' });
    });
  });
});
