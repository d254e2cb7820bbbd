import { expect } from 'chai';
import { Fixtures } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { OTHER_SESSION_ID, SESSION_ID } from '../scripted-broker.js';
import { REQUEST_ID, lose, sessionStarter } from './matched-session.js';

describe('client: sessions', () => {
  const fixtures = new Fixtures();
  const playing = sessionStarter(fixtures);
  afterEach(() => fixtures.stop());

  it('learn on the next connection that their host was lost meanwhile', async () => {
    const all = await playing();
    const next = await lose(all);
    await next.next('play');
    next.match(REQUEST_ID, { epoch: 2, host: { hostId: 'host-2', endpoint: 'wss://host-2.example' } });
    expect(await all.events.next()).to.equal('replaced by host-2');
  });

  it('survive a lost socket: the request is repeated, and the same session is returned', async () => {
    const all = await playing();
    all.end.session({ state: 'connected' });
    await all.events.next();
    const next = await lose(all);
    expect(all.session.state).to.equal('connected');
    // The repeated request only looks for the session: it must neither wait for a slot nor create another session.
    const asked = all.end.frames.all[1];
    expect(await next.next('play')).to.deep.equal({ ...asked, wait: false, onConflict: 'fail' });
    next.match(REQUEST_ID, { ticket: 'secret-ticket-renewed' });
    next.session({ state: 'disconnected' });
    await all.events.next();
    expect(all.client.sessions).to.deep.equal([all.session]);
    expect(all.session.ticket).to.equal('secret-ticket-renewed');
    expect(all.events.all).to.deep.equal(['connected', 'disconnected']);
  });

  for (const { code, reason } of [
    { code: 'SESSION_OVER', reason: 'error' },
    { code: 'CANCELLED', reason: 'client_left' },
  ] as const) {
    it(`end when the broker answers the repeated request with ${code}`, async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      next.error({ code, requestId: REQUEST_ID });
      expect(await all.session.ended).to.equal(reason);
    });
  }

  for (const code of ['NO_CAPACITY', 'NO_REGION_IN_REACH', 'UNKNOWN_SESSION'] as const) {
    it(`stay when a broker that lost its data answers ${code}: the host may still run them`, async () => {
      const all = await playing();
      const next = await lose(all);
      await next.next('play');
      next.error({ code, requestId: REQUEST_ID, retryable: code === 'NO_CAPACITY' });
      next.session({ state: 'connected' });
      expect(await all.events.next()).to.equal('connected');
    });
  }

  it('are requested again a little later when the store is unavailable', async () => {
    const clock = new ManualClock();
    let warned: () => void = () => undefined;
    const ignore = (): void => undefined;
    const all = await playing({
      clock,
      random: () => 0,
      logger: { debug: () => setImmediate(warned), info: ignore, warn: ignore, error: ignore },
    });
    all.end.drop();
    await all.statuses.next(({ state }) => state === 'waiting');
    clock.advance(0);
    const next = await all.broker.welcome();
    await next.next('play');
    const warning = new Promise<void>((resolve) => (warned = resolve));
    next.error({ code: 'UNAVAILABLE', retryable: true, retryAfterMs: 800, requestId: REQUEST_ID });
    await warning;
    clock.advance(800);
    await next.next('play');
  });

  it('are not duplicated by a broker that lost its data: the second one is ended', async () => {
    const all = await playing();
    const next = await lose(all);
    await next.next('play');
    next.match(REQUEST_ID, { sessionId: OTHER_SESSION_ID });
    expect(await next.next('end')).to.deep.equal({ type: 'end', sessionId: OTHER_SESSION_ID });
    next.error({ code: 'SESSION_OVER', requestId: REQUEST_ID, sessionId: OTHER_SESSION_ID });
    next.session({ state: 'connected' });
    await all.events.next();
    expect(all.session).to.include({ sessionId: SESSION_ID, state: 'connected' });
  });

  it('are found again with a stored requestId', async () => {
    const { client, broker } = await playing();
    await client.close();
    const restarted = fixtures.client({ url: broker.url }).client;
    const resumed = restarted.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await broker.welcome();
    expect(await end.next('play')).to.include({ requestId: REQUEST_ID });
    end.match(REQUEST_ID);
    end.session({ state: 'disconnected' });
    expect((await resumed).sessionId).to.equal(SESSION_ID);
  });
});
