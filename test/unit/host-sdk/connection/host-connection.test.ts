import { expect } from 'chai';
import { createHost, type HostOptions } from '@duskline/host';
import { HOST_PATH, SUBPROTOCOL } from '@duskline/protocol/constants';
import { EventBuffer } from '../../../support/event-buffer.js';
import { LOAD, startHostFixture, stopHostFixtures } from '../setup.js';
import { ADDRESS, sessionIdOf, signTicket } from '../tickets.js';

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
    // The clock of the host has not moved.
    expect(await connection.next('heartbeat')).to.deep.equal({
      type: 'heartbeat',
      load: LOAD,
      sessions: [],
      prepared: [],
    });
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

  it('pings also when it skips a heartbeat', async () => {
    const loads = [LOAD];
    const rig = await startHostFixture({ measureLoad: () => loads.shift() ?? null });
    const connection = await rig.register();
    rig.clock.advance(2_000);
    await connection.pings.next((number) => number === 2);
    expect(connection.frames.unread).to.be.empty;
  });

  for (const code of [4400, 4403, 4409]) {
    it(`is closed permanently by close code ${code}`, async () => {
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
    // The host begins to close in the turn in which its status changes.
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
