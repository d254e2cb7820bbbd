import type { ClientOptions } from '@duskline/client/node';
import { expect } from 'chai';
import { nextTurn } from '../../../support/time/event-loop.js';
import { Fixtures, type Fixture } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import type { ScriptedConnection } from '../scripted-broker.js';

const SLEEP_MS = 20_000;
const WAKE_TIMEOUT_MS = 1_500;
/** The SDK looks at the clock so often. */
const SLICE_MS = 500;

/** What an application of a platform without browser events would pass. */
class Signals {
  readonly listeners = new Set<() => void>();
  readonly subscribe = (onWake: () => void): (() => void) => {
    this.listeners.add(onWake);
    return () => this.listeners.delete(onWake);
  };
  wake(): void {
    for (const listener of this.listeners) listener();
  }
}

/** The events of a page, in a process that has none. */
class Page extends EventTarget {
  visibilityState = 'visible';
}

describe('client: when the device wakes', () => {
  const fixtures = new Fixtures();
  let clock: ManualClock;
  let signals: Signals;
  /** Resolves when the client has handled the next frame. */
  let received: () => Promise<void>;

  beforeEach(() => {
    clock = new ManualClock();
    signals = new Signals();
  });
  afterEach(() => fixtures.stop());

  async function connected(
    options: Partial<ClientOptions> = {},
  ): Promise<Fixture & { end: ScriptedConnection }> {
    let onFrame: () => void = () => undefined;
    const ignore = (): void => undefined;
    received = () => new Promise((resolve) => (onFrame = resolve));
    const pair = await fixtures.pair({
      clock,
      wakeSignals: signals.subscribe,
      logger: { debug: () => setImmediate(onFrame), info: ignore, warn: ignore, error: ignore },
      ...options,
    });
    const [end] = await Promise.all([pair.broker.welcome(), pair.client.connect()]);
    return { ...pair, end };
  }

  it('pings at once after a sleep that only the timers show', async () => {
    const { end } = await connected();
    clock.sleep(SLEEP_MS);
    expect(await end.next('ping')).to.deep.equal({ type: 'ping', id: 1 });
  });

  it('pings within half a second when timers stood still during the sleep', async () => {
    const { end } = await connected();
    clock.advance(SLICE_MS - 1);
    clock.jump(SLEEP_MS);
    expect(await end.receivedTypes()).to.deep.equal(['hello']);
    clock.advance(1);
    await end.next('ping');
  });

  it('connects anew at once when the ping gets no answer within 1.5 seconds', async () => {
    const { broker, end, statuses, client } = await connected({
      reconnect: { nextRetryDelayInMs: () => 5_000 },
    });
    clock.sleep(SLEEP_MS);
    await end.next('ping');
    clock.advance(WAKE_TIMEOUT_MS - 1);
    expect(client.status.state).to.equal('ready');
    clock.advance(1);
    const waiting = await statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.include({ retryInMs: 0 }).and.to.have.nested.property('error.code', 'CONNECTION_LOST');
    clock.advance(0);
    await broker.welcome();
  });

  it('closes permanently when the reconnect policy gives up', async () => {
    const { end, statuses } = await connected({ reconnect: { nextRetryDelayInMs: () => null } });
    clock.sleep(SLEEP_MS);
    await end.next('ping');
    clock.advance(WAKE_TIMEOUT_MS);
    await statuses.next(({ state }) => state === 'closed');
  });

  it('stays connected when the ping is answered', async () => {
    const { end, client } = await connected();
    clock.sleep(SLEEP_MS);
    const { id } = await end.next('ping');
    const pong = received();
    end.send({ type: 'pong', id });
    await pong;
    clock.advance(WAKE_TIMEOUT_MS);
    expect(client.status.state).to.equal('ready');
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'ping']);
  });

  it('does not take a frame that was received before the sleep for the answer', async () => {
    const { end, statuses } = await connected();
    clock.sleep(SLEEP_MS);
    await end.next('ping');
    const late = received();
    end.queued('request-1');
    await late;
    clock.advance(WAKE_TIMEOUT_MS);
    await statuses.next(({ state }) => state === 'waiting');
  });

  it('pings once more when the process was frozen before it could read the answer', async () => {
    const { end, client, statuses } = await connected();
    clock.sleep(SLEEP_MS);
    await end.next('ping');
    clock.sleep(SLEEP_MS);
    expect(await end.next('ping')).to.include({ id: 2 });
    expect(client.status.state).to.equal('ready');
    clock.sleep(SLEEP_MS);
    await statuses.next(({ state }) => state === 'waiting');
  });

  it('ignores timers that are late by a second, as those of a throttled page are', async () => {
    const { end } = await connected();
    for (let i = 0; i < 3; i += 1) clock.sleep(SLICE_MS + 1_000);
    expect(await end.receivedTypes()).to.deep.equal(['hello']);
  });

  it('pings at once when the platform says that it woke, once for several signals', async () => {
    const { end } = await connected();
    signals.wake();
    signals.wake();
    expect(await end.next('ping')).to.include({ id: 1 });
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'ping']);
  });

  for (const [how, wake] of [
    ['the platform says so', () => signals.wake()],
    ['its timers show it', () => clock.sleep(SLEEP_MS)],
  ] as const) {
    it(`ends its wait for the next attempt when ${how}`, async () => {
      const { broker, end, statuses } = await connected({ reconnect: { nextRetryDelayInMs: () => 30_000 } });
      end.drop();
      await statuses.next(({ state }) => state === 'waiting');
      await nextTurn();
      wake();
      await broker.welcome();
    });
  }

  it('waits as long as a broker demanded, also when the platform says that it woke', async () => {
    const pair = await fixtures.pair({
      clock,
      wakeSignals: signals.subscribe,
      reconnect: { nextRetryDelayInMs: () => 700 },
    });
    pair.client.connect().catch(() => undefined);
    const end = await pair.broker.accept();
    await end.next('hello');
    end.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 700 });
    end.close(1013);
    await pair.statuses.next(({ state }) => state === 'waiting');
    await nextTurn();
    signals.wake();
    await nextTurn();
    expect(pair.client.status.state).to.equal('waiting');
    clock.advance(700);
    await pair.broker.welcome();
  });

  it('no longer listens once it is closed', async () => {
    const { client } = await connected();
    expect(signals.listeners.size).to.equal(1);
    await client.close();
    expect(signals.listeners.size).to.equal(0);
  });

  describe('in a browser', () => {
    const scope = globalThis as Record<string, unknown>;
    const window = new EventTarget();
    let page: Page;
    let before: Record<string, unknown>;
    beforeEach(() => {
      page = new Page();
      const listen = {
        addEventListener: window.addEventListener.bind(window),
        removeEventListener: window.removeEventListener.bind(window),
      };
      before = Object.fromEntries(Object.keys(listen).map((name) => [name, scope[name]]));
      Object.assign(scope, listen, { document: page });
    });
    afterEach(() => {
      Object.assign(scope, before);
      delete scope['document'];
    });

    for (const [event, source] of [
      ['visibilitychange', () => page],
      ['pageshow', () => window],
      ['online', () => window],
    ] as const) {
      it(`pings at ${event}`, async () => {
        const { end } = await connected({ wakeSignals: undefined });
        source().dispatchEvent(new Event(event));
        await end.next('ping');
      });
    }

    it('does nothing when the page is hidden, or the client closed', async () => {
      const { client, end } = await connected({ wakeSignals: undefined });
      page.visibilityState = 'hidden';
      page.dispatchEvent(new Event('visibilitychange'));
      expect(await end.receivedTypes()).to.deep.equal(['hello']);
      page.visibilityState = 'visible';
      await client.close();
      page.dispatchEvent(new Event('visibilitychange'));
      window.dispatchEvent(new Event('online'));
      expect(end.frames.all.map(({ type }) => type)).to.deep.equal(['hello']);
    });
  });
});
