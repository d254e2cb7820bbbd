import { expect } from 'chai';
import { Fixtures, type Fixture } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import type { ScriptedConnection } from '../scripted-broker.js';

const INTERVAL_MS = 15_000;

describe('client: keeping a connection alive', () => {
  const fixtures = new Fixtures();
  let clock: ManualClock;
  let pair: Fixture;
  let end: ScriptedConnection;
  let received: () => Promise<void>;

  beforeEach(async () => {
    clock = new ManualClock();
    let onFrame: () => void = () => undefined;
    const ignore = (): void => undefined;
    received = () => new Promise((resolve) => (onFrame = resolve));
    pair = await fixtures.pair({
      clock,
      logger: {
        debug: (_, message) => (message === 'Received' ? onFrame() : undefined),
        info: ignore,
        warn: ignore,
        error: ignore,
      },
    });
    const connected = pair.client.connect();
    end = await pair.broker.welcome();
    await connected;
  });
  afterEach(() => fixtures.stop());

  it('pings at the interval of the broker when nothing is received', async () => {
    clock.advance(INTERVAL_MS);
    expect(await end.next('ping')).to.deep.equal({ type: 'ping', id: 1 });
  });

  it('does not ping while frames arrive', async () => {
    const pong = received();
    end.send({ type: 'pong', id: 9 });
    await pong;
    clock.advance(INTERVAL_MS);
    clock.advance(INTERVAL_MS);
    expect(await end.next('ping')).to.deep.equal({ type: 'ping', id: 1 });
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'ping']);
  });

  it('stays connected while pings are answered', async () => {
    for (let id = 1; id <= 4; id += 1) {
      clock.advance(INTERVAL_MS);
      await end.next('ping');
      const pong = received();
      end.send({ type: 'pong', id });
      await pong;
      clock.advance(INTERVAL_MS);
    }
    expect(pair.client.status.state).to.equal('ready');
  });

  it('replaces the connection after two unanswered pings', async () => {
    clock.advance(INTERVAL_MS);
    clock.advance(INTERVAL_MS);
    await end.next('ping');
    await end.next('ping');
    expect(pair.client.status.state).to.equal('ready');
    clock.advance(INTERVAL_MS);
    const waiting = await pair.statuses.next(({ state }) => state === 'waiting');
    expect(waiting).to.have.nested.property('error.code', 'CONNECTION_LOST');
    clock.advance(0);
    await pair.broker.accept();
  });
});
