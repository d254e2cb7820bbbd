import { expect } from 'chai';
import { createBackoffPolicy, HostClosedError } from '@duskline/host';
import { ScriptedBroker } from '../scripted-broker.js';
import { prepareOf, RETRY_MS, startHostFixture, stopHostFixtures } from '../setup.js';
import { keyOf, signTicket } from '../tickets.js';

describe('host connection', () => {
  afterEach(stopHostFixtures);

  it('tries the next broker within half a second when a lasting connection breaks', async () => {
    const [first, second] = [await ScriptedBroker.start(), await ScriptedBroker.start()];
    try {
      const policy = createBackoffPolicy({ random: () => 0.999 });
      const rig = await startHostFixture({ url: [first.url, second.url], reconnectPolicy: policy });
      for (const broker of [first, second, first]) {
        const connection = await broker.connections.next();
        await connection.accept();
        await connection.next('heartbeat');
        await rig.until('registered');
        rig.clock.advance(2_000);
        await connection.next('heartbeat');
        connection.terminate();
        expect(await rig.retry()).to.deep.include({ state: 'waiting', retryInMs: 499 });
      }
      await second.connections.next();
    } finally {
      await first.stop();
      await second.stop();
    }
  });

  it('tries its brokers in order', async () => {
    const [first, second] = [await ScriptedBroker.start(), await ScriptedBroker.start()];
    try {
      const rig = await startHostFixture({ url: [first.url, second.url] });
      for (const broker of [first, second, first, second]) {
        const connection = await broker.connections.next();
        await connection.accept();
        await rig.until('registered');
        connection.close(1001);
        expect(await rig.retry()).to.deep.include({ failure: { kind: 'closed', closeCode: 1001 } });
      }
    } finally {
      await first.stop();
      await second.stop();
    }
  });

  it('requests a new token before each attempt, and reconnects when the old one expired', async () => {
    let asked = 0;
    const rig = await startHostFixture({ token: () => Promise.resolve(`token-number-${++asked}`) });
    const connection = await rig.register();
    connection.send({ type: 'error', code: 'TOKEN_EXPIRED', message: 'expired', retryable: true });
    connection.close(4401);
    expect(await rig.retry()).to.deep.include({
      failure: { kind: 'closed', closeCode: 4401, errorCode: 'TOKEN_EXPIRED' },
    });
    const again = await rig.broker.connections.next();
    expect(again.upgrade.headers.authorization).to.equal('Bearer token-number-2');
  });

  it('shows an early token again once it is valid', async () => {
    const rig = await startHostFixture({ token: 'token-of-the-near-future' });
    const connection = await rig.broker.connections.next();
    await connection.next('register');
    const retryAfterMs = 40 * RETRY_MS;
    const error = { type: 'error', code: 'TOKEN_NOT_YET_VALID', message: '', retryable: true } as const;
    connection.send({ ...error, retryAfterMs });
    connection.close(4401);
    expect((await rig.until('waiting')).retryInMs).to.equal(retryAfterMs);
    rig.clock.advance(retryAfterMs);
    const again = await rig.broker.connections.next();
    expect(again.upgrade.headers.authorization).to.equal('Bearer token-of-the-near-future');
  });

  it('retries when the token supplier fails, without revealing the error', async () => {
    const lines: string[] = [];
    const write = (fields: object, message: string): void =>
      void lines.push(JSON.stringify(fields) + message);
    let asked = 0;
    const rig = await startHostFixture({
      token: () => {
        asked += 1;
        if (asked === 1) throw new Error('secret-of-the-vault');
        return 'token-of-the-second-attempt';
      },
      logger: { debug: write, info: write, warn: write, error: write },
    });
    expect(await rig.retry()).to.deep.include({ failure: { kind: 'token' } });
    const connection = await rig.register();
    connection.send(prepareOf(1));
    await connection.ping();
    rig.host.admit(signTicket());
    rig.host.admit(signTicket({ key: keyOf('host-2') }));
    connection.terminate();
    await rig.until('waiting');
    const log = lines.join('\n');
    expect(log).to.include('Not connected to a broker; retrying');
    for (const secret of ['vault', 'token-of-the-second', signTicket(), keyOf('host-1'), keyOf('host-2')]) {
      expect(log).not.to.include(secret);
    }
  });

  it('reads why an upgrade was refused, and rejects waiting callers', async () => {
    const broker = await ScriptedBroker.start();
    broker.refusal = { status: 401, body: '{"error":{"code":"UNAUTHENTICATED","message":"no"}}' };
    try {
      const rig = await startHostFixture({ url: broker.url });
      const waiting = rig.host.whenRegistered().catch((error: unknown) => error);
      const { cause, failure } = (await rig.until('closed')) as { cause: string; failure?: object };
      expect(cause).to.equal('refused');
      expect(failure).to.deep.equal({
        kind: 'upgrade_refused',
        httpStatus: 401,
        errorCode: 'UNAUTHENTICATED',
      });
      expect(await waiting).to.be.instanceOf(HostClosedError);
    } finally {
      await broker.stop();
    }
  });

  it('retries an upgrade that an overloaded broker refuses', async () => {
    const broker = await ScriptedBroker.start();
    broker.refusal = { status: 503, body: '<html>' };
    try {
      const rig = await startHostFixture({ url: broker.url });
      expect(await rig.retry()).to.deep.include({ failure: { kind: 'upgrade_refused', httpStatus: 503 } });
      broker.refusal = undefined;
      await (await broker.connections.next()).accept();
      await rig.until('registered');
      expect(broker.upgrades).to.equal(2);
    } finally {
      await broker.stop();
    }
  });

  for (const [retryAfter, expected] of [
    ['7', { retryAfterMs: 7_000, atLeastMs: 7_000 }],
    ['Wed, 21 Oct 2099 07:28:00 GMT', { retryAfterMs: undefined, atLeastMs: 0 }],
    ['99999', { retryAfterMs: undefined, atLeastMs: 0 }],
  ] as const) {
    it(`waits as long as a refused upgrade says in seconds: Retry-After: ${retryAfter}`, async () => {
      const broker = await ScriptedBroker.start();
      broker.refusal = { status: 503, body: '', retryAfter };
      try {
        const rig = await startHostFixture({ url: broker.url });
        const { failure, retryInMs } = await rig.until('waiting');
        expect(failure).to.deep.equal({
          kind: 'upgrade_refused',
          httpStatus: 503,
          ...(expected.retryAfterMs === undefined ? {} : { retryAfterMs: expected.retryAfterMs }),
        });
        expect(retryInMs)
          .to.be.at.least(expected.atLeastMs)
          .and.below(expected.atLeastMs + 5_000);
      } finally {
        await broker.stop();
      }
    });
  }

  it('gives up on a broker that does not answer register in time', async () => {
    const rig = await startHostFixture({ connectTimeoutMs: 5_000 });
    const connection = await rig.broker.connections.next();
    await connection.next('register');
    await rig.until('registering');
    rig.clock.advance(5_000);
    expect(await rig.retry()).to.deep.include({ failure: { kind: 'deadline' } });
    expect(await connection.closed).to.equal(1006);
    await rig.register();
  });

  it('waits for the retry time of a broker that cannot register it', async () => {
    const rig = await startHostFixture();
    const connection = await rig.broker.connections.next();
    await connection.next('register');
    connection.send({
      type: 'error',
      code: 'UNAVAILABLE',
      message: 'no store',
      retryable: true,
      retryAfterMs: 5 * RETRY_MS,
    });
    connection.close(1013);
    expect((await rig.until('waiting')).retryInMs).to.equal(5 * RETRY_MS);
  });

  it('closes after an error that does not close the connection', async () => {
    const rig = await startHostFixture();
    const connection = await rig.broker.connections.next();
    await connection.next('register');
    connection.send({ type: 'error', code: 'OUT_OF_ORDER', message: 'no', retryable: false });
    expect(await rig.retry()).to.deep.include({
      failure: { kind: 'not_registered', errorCode: 'OUT_OF_ORDER' },
    });
    expect(await connection.closed).to.equal(1006);
  });

  it('does not register with a key that is too short', async () => {
    const rig = await startHostFixture();
    const connection = await rig.broker.connections.next();
    await connection.next('register');
    connection.sendRegistered('host-1', {}, 'c2hvcnQ');
    expect(await rig.retry()).to.deep.include({ failure: { kind: 'bad_ticket_key' } });
  });

  it('gives up when the policy says so, and resets its retries only after a lasting connection', async () => {
    const seen: number[] = [];
    const rig = await startHostFixture({
      reconnectPolicy: {
        nextRetryDelayInMs: ({ retryCount }) => (seen.push(retryCount), retryCount === 2 ? null : RETRY_MS),
      },
    });
    const stable = await rig.register();
    rig.clock.advance(2_000);
    await stable.next('heartbeat');
    stable.terminate();
    await rig.retry();
    for (const last of [false, true]) {
      (await rig.register()).terminate();
      if (last) expect(await rig.until('closed')).to.include({ cause: 'gave_up' });
      else await rig.retry();
    }
    expect(seen).to.deep.equal([0, 1, 2]);
    expect(rig.clock.pending).to.equal(0);
  });
});
