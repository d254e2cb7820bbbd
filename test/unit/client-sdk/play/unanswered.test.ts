import { expect } from 'chai';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { Fixtures, failure } from '../fixture.js';
import { SESSION_ID } from '../scripted-broker.js';
import { RTT, clientConnector, type Connected } from './connected-client.js';

const ANSWER_TIMEOUT_MS = 2_000;

describe('client: when a broker does not answer', () => {
  const fixtures = new Fixtures();
  const connected = clientConnector(fixtures);
  let clock: ManualClock;
  /** Resolves when the client has handled the next frame. */
  let handled: () => Promise<void>;
  afterEach(() => fixtures.stop());

  async function start(): Promise<Connected> {
    clock = new ManualClock();
    let onFrame = (): void => undefined;
    handled = () => new Promise((resolve) => (onFrame = resolve));
    const ignore = (): void => undefined;
    return connected({
      clock,
      random: () => 0,
      logger: { debug: () => setImmediate(onFrame), info: ignore, warn: ignore, error: ignore },
    });
  }

  it('sends a cancel again after two seconds, until it is confirmed', async () => {
    const { client, end } = await start();
    const controller = new AbortController();
    const aborted = failure(
      client.play({ title: 'tetris', rtt: RTT, requestId: 'first', signal: controller.signal }),
    );
    await end.next('play');
    controller.abort();
    await aborted;
    for (let times = 0; times < 3; times += 1) {
      expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId: 'first' });
      clock.advance(ANSWER_TIMEOUT_MS);
    }
    await end.next('cancel');
    end.error({ code: 'CANCELLED', requestId: 'first' });
    const again = client.play({ title: 'tetris', rtt: RTT, requestId: 'second' });
    await end.next('play');
    end.match('second');
    await again;
    clock.advance(ANSWER_TIMEOUT_MS);
    expect((await end.receivedTypes()).filter((type) => type === 'cancel')).to.have.length(4);
  });

  it('does not take NO_OFFER, which answers an accept that crossed the cancel, for the answer', async () => {
    const { client, end } = await start();
    const controller = new AbortController();
    const aborted = failure(
      client.play({ title: 'tetris', rtt: RTT, requestId: 'first', signal: controller.signal }),
    );
    await end.next('play');
    end.offer('first');
    await end.next('accept');
    controller.abort();
    await aborted;
    await end.next('cancel');
    const read = handled();
    end.error({ code: 'NO_OFFER', requestId: 'first' });
    await read;
    expect(await failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'first' }))).to.include({
      code: 'REQUEST_IN_USE',
    });
    end.error({ code: 'CANCELLED', requestId: 'first' });
  });

  it('finds the session again and ends it when end() got no answer for two seconds', async () => {
    const { client, end } = await start();
    const asked = client.play({ title: 'tetris', rtt: RTT, requestId: 'first' });
    await end.next('play');
    end.match('first');
    const left = (await asked).end();
    await end.next('end');
    clock.advance(ANSWER_TIMEOUT_MS);
    expect(await end.next('play')).to.include({ requestId: 'first', wait: false, onConflict: 'fail' });
    end.match('first');
    expect(await end.next('end')).to.include({ sessionId: SESSION_ID });
    end.session({ state: 'ended', reason: 'client_left' });
    await left;
  });

  for (const answer of ['queued', 'offer'] as const) {
    it(`ends a session that waits for a slot again, which the broker says with ${answer}`, async () => {
      const { broker, client, end, statuses } = await start();
      const asked = client.play({ title: 'tetris', rtt: RTT, requestId: 'first' });
      await end.next('play');
      end.match('first');
      const session = await asked;
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      const left = session.end();
      clock.advance(0);
      const next = await broker.welcome();
      await next.next('play');
      next[answer]('first');
      expect(await next.next('end')).to.include({ sessionId: SESSION_ID });
      next.error({ code: 'CANCELLED', requestId: 'first' });
      await left;
      expect(await session.ended).to.equal('client_left');
    });
  }

  it('repeats the request for as long as the store is unavailable, and tells the application nothing', async () => {
    const { client, end } = await start();
    const asked = client.play({ title: 'tetris', rtt: RTT, requestId: 'first' });
    for (let times = 0; times < 5; times += 1) {
      await end.next('play');
      const read = handled();
      end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 1_000, requestId: 'first' });
      await read;
      clock.advance(1_000);
    }
    await end.next('play');
    end.match('first');
    await asked;
  });

  it('cancels the request, which may hold a slot, when the application waits no longer for the store', async () => {
    const { client, end } = await start();
    const refused = failure(
      client.play({ title: 'tetris', rtt: RTT, requestId: 'first', retry: { maxWaitMs: 500 } }),
    );
    await end.next('play');
    end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 1_000, requestId: 'first' });
    expect(await refused).to.include({ code: 'UNAVAILABLE' });
    expect(await end.next('cancel')).to.deep.equal({ type: 'cancel', requestId: 'first' });
    end.error({ code: 'CANCELLED', requestId: 'first' });
  });

  it('takes an offer when the player agrees while the repeated request waits for the store', async () => {
    const { broker, client, end, statuses } = await start();
    let agree: (wanted: boolean) => void = () => undefined;
    const asked = client.play({
      title: 'tetris',
      rtt: RTT,
      requestId: 'first',
      onOffer: () => new Promise<boolean>((resolve) => (agree = resolve)),
    });
    await end.next('play');
    const read = handled();
    end.offer('first');
    await read;
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    clock.advance(0);
    const next = await broker.welcome();
    await next.next('play');
    const unavailable = handled();
    next.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 60_000, requestId: 'first' });
    await unavailable;
    agree(true);
    await next.next('play');
    next.offer('first');
    await next.next('accept');
    next.match('first');
    await asked;
  });

  it('rejects a request whose region is closed while it waits in the queue', async () => {
    const { client, end } = await start();
    const refused = failure(client.play({ title: 'tetris', rtt: RTT, requestId: 'first' }));
    await end.next('play');
    end.queued('first');
    end.error({ code: 'REGION_CLOSED', retryable: true, retryAfterMs: 1_000, requestId: 'first' });
    expect(await refused).to.include({ code: 'REGION_CLOSED', retryable: true });
  });
});
