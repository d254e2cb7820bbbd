import { expect } from 'chai';
import { createBackoffPolicy, createHost, HostClosedError, type HostOptions } from '@duskline/host';
import { HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ScriptedBroker } from '../scripted-broker.js';
import { LOAD, prepareOf, RETRY_MS, startHostFixture, stopHostFixtures } from '../setup.js';
import { ADDRESS, keyOf, sessionIdOf, signTicket } from '../tickets.js';

describe('host connection', () => {
  afterEach(stopHostFixtures);

  it('connects with the sub-protocol to the host path, with the token in the header only', async () => {
    const { broker } = await startHostFixture();
    const connection = await broker.connections.next();
    expect(connection.upgrade.url).to.equal(HOST_PATH);
    expect(connection.upgrade.headers['sec-websocket-protocol']).to.equal(SUBPROTOCOL);
    expect(connection.upgrade.headers.authorization).to.equal('Bearer token-of-host-1-in-these-tests');
    const register = await connection.next('register');
    expect(register).to.include({ ...ADDRESS, slots: 2, endpoint: 'wss://host-1.example/stream' });
    expect(register).not.to.have.property('token');
    expect(register.sessions).to.be.empty;
  });

  it('sends a heartbeat right after registered, and then at the given interval', async () => {
    const { broker, clock, host } = await startHostFixture();
    const connection = await broker.connections.next();
    await connection.accept({ heartbeatIntervalMs: 2_000 });
    // No time has passed on the host's clock.
    expect(await connection.next('heartbeat')).to.deep.equal({ type: 'heartbeat', load: LOAD, sessions: [] });
    await host.whenRegistered();
    clock.advance(1_999);
    await connection.ping();
    expect(connection.frames.unread).to.be.empty;
    clock.advance(1);
    await connection.next('heartbeat');
    clock.advance(4_000);
    await connection.next('heartbeat');
    await connection.next('heartbeat');
  });

  it('skips a heartbeat without a measurement, and continues afterwards', async () => {
    const loads = [LOAD, null, LOAD];
    const rig = await startHostFixture({ measureLoad: () => loads.shift() as typeof LOAD | null });
    const connection = await rig.register();
    rig.clock.advance(2_000);
    await connection.ping();
    expect(connection.frames.unread).to.be.empty;
    rig.clock.advance(2_000);
    await connection.next('heartbeat');
  });

  it('stays connected to a broker that only answers pings', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    for (let beat = 1; beat <= 20; beat += 1) {
      await connection.pings.next((number) => number === beat);
      rig.clock.advance(2_000);
      await connection.next('heartbeat');
      expect(rig.host.status.state).to.equal('registered');
    }
  });

  it('pings also when it skips a heartbeat', async () => {
    const loads = [LOAD];
    const rig = await startHostFixture({ measureLoad: () => loads.shift() ?? null });
    const connection = await rig.register();
    rig.clock.advance(2_000);
    await connection.pings.next((number) => number === 2);
    expect(connection.frames.unread).to.be.empty;
  });

  it('leaves a broker that is silent for two and a half heartbeats, well before its next ping is due', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register({ heartbeatIntervalMs: 2_000, pingIntervalMs: 15_000 });
    await connection.ping();
    connection.freeze();
    rig.clock.advance(4_999);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(1);
    expect(await rig.retry()).to.deep.include({ state: 'waiting', failure: { kind: 'silence' } });
    await rig.register();
  });

  it('counts silence from the last frame it received, also between two heartbeats', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    rig.clock.advance(1_500);
    await connection.ping();
    connection.freeze();
    rig.clock.advance(4_999);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(1);
    await rig.until('waiting');
  });

  it('is connected to the next broker well before it counts as lost, every time, when a broker freezes', async () => {
    const [first, second] = [await ScriptedBroker.start(), await ScriptedBroker.start()];
    try {
      const rig = await startHostFixture({
        url: [first.url, second.url],
        reconnectPolicy: createBackoffPolicy(),
      });
      for (const broker of [first, second, first, second]) {
        const connection = await broker.connections.next();
        await connection.accept();
        await rig.until('registered');
        await connection.ping();
        connection.freeze();
        rig.clock.advance(5_000);
        const { retryInMs } = (await rig.retry()) as { retryInMs: number };
        expect(retryInMs).to.be.below(500);
      }
    } finally {
      await first.stop();
      await second.stop();
    }
  });

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

  it('does not mistake its own pause for silence of the broker', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    await connection.ping();
    for (const pauseMs of [3_900, 4_100, 60_000]) {
      rig.clock.pause(pauseMs);
      expect(rig.host.status.state).to.equal('registered');
      await connection.ping();
      rig.clock.advance(500);
      expect(rig.host.status.state).to.equal('registered');
    }
  });

  it('detects after its own pause that the broker is gone', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    await connection.ping();
    connection.freeze();
    rig.clock.pause(60_000);
    expect(rig.host.status.state).to.equal('registered');
    rig.clock.advance(5_000);
    expect(await rig.until('waiting')).to.deep.include({ failure: { kind: 'silence' } });
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

  for (const code of [4400, 4403, 4409]) {
    it(`is closed for good by close code ${code}`, async () => {
      const rig = await startHostFixture();
      const connection = await rig.register();
      connection.close(code);
      const status = await rig.until('closed');
      expect(status).to.deep.equal({
        state: 'closed',
        cause: 'refused',
        failure: { kind: 'closed', closeCode: code },
      });
      expect(rig.clock.pending).to.equal(0);
      expect(rig.host.admit(signTicket())).to.deep.equal({ ok: false, reason: 'host_closed' });
    });
  }

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

  it('ignores unknown frames, and emits the errors of the broker', async () => {
    const rig = await startHostFixture();
    const errors = new EventBuffer<string>('code of an error');
    rig.host.on('error', ({ code }) => errors.add(code));
    const connection = await rig.register();
    for (const raw of [
      '',
      'null',
      '[]',
      '{"type":7}',
      '{"type":"later"}',
      '{"type":"prepare"}',
      '{"type":',
    ]) {
      connection.sendRaw(raw);
    }
    connection.sendRaw(Buffer.from([1, 2, 3]));
    connection.send({ type: 'error', code: 'STALE_EPOCH', message: 'old', retryable: false });
    expect(await errors.next()).to.equal('STALE_EPOCH');
    expect(rig.host.status.state).to.equal('registered');
  });

  it('leaves in order: leave, close 1000, sessions ended, no timer left', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const admission = rig.host.admit(signTicket());
    await connection.next('session');
    const left = rig.host.leave();
    expect(rig.host.leave()).to.equal(left);
    await connection.next('leave');
    expect(await connection.closed).to.equal(1000);
    expect(connection.frames.unread).to.be.empty;
    await left;
    expect(rig.host.status).to.deep.equal({ state: 'closed', cause: 'left' });
    expect(rig.ends.unread).to.deep.equal([{ sessionId: sessionIdOf(1), epoch: 1, reason: 'host_ended' }]);
    expect(admission.ok && admission.session.state).to.equal('ended');
    expect(rig.host.admit(signTicket({ claims: { epoch: 2 } }))).to.include({ reason: 'host_closed' });
    expect(rig.clock.pending).to.equal(0);
  });

  it('does not wait forever for a hanging broker when it leaves', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    connection.freeze();
    const left = rig.host.leave();
    await rig.until('leaving');
    // The close began in the same turn as the status.
    await Promise.resolve();
    rig.clock.advance(2_000);
    await left;
    expect(rig.clock.pending).to.equal(0);
  });

  it('can leave while it waits for a retry', async () => {
    const rig = await startHostFixture();
    (await rig.register()).terminate();
    await rig.until('waiting');
    await rig.host.leave();
    expect(rig.host.status).to.deep.equal({ state: 'closed', cause: 'left' });
    expect(rig.clock.pending).to.equal(0);
  });

  it('closes without leaving, and leaves its sessions to the application', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const admission = rig.host.admit(signTicket());
    await connection.next('session');
    await rig.host.close();
    expect(await connection.closed).to.equal(1001);
    expect(connection.frames.unread).to.be.empty;
    expect(admission.ok && admission.session.state).to.equal('active');
    expect(rig.ends.unread).to.be.empty;
    expect(rig.clock.pending).to.equal(0);
  });

  it('can be closed by a listener of its own status', async () => {
    const rig = await startHostFixture();
    let closed: Promise<void> | undefined;
    rig.host.on('status', ({ state }) => {
      if (state === 'registered') closed = rig.host.leave();
    });
    const connection = await rig.broker.connections.next();
    await connection.accept();
    await connection.next('leave');
    await closed;
    expect(rig.clock.pending).to.equal(0);
  });

  it('refuses invalid options, and names them', () => {
    const good: HostOptions = {
      url: 'wss://broker.example',
      token: 'token-of-host-1-in-these-tests',
      ...ADDRESS,
      slots: 1,
      endpoint: 'wss://host-1.example',
      measureLoad: () => LOAD,
    };
    const bad: [Partial<HostOptions>, RegExp][] = [
      [{ hostId: 'Host 1' }, /hostId/],
      [{ slots: 0 }, /slots/],
      [{ slots: 513 }, /slots/],
      [{ endpoint: 'somewhere' }, /endpoint/],
      [{ url: [] }, /url/],
      [{ url: 'ftp://broker.example' }, /url/],
      [{ url: 'wss://user:word@broker.example' }, /url/],
      [{ connectTimeoutMs: NaN }, /connectTimeoutMs/],
      [{ ticketToleranceMs: -1 }, /ticketToleranceMs/],
    ];
    for (const [change, names] of bad)
      expect(() => createHost({ ...good, ...change })).to.throw(TypeError, names);
  });
});
