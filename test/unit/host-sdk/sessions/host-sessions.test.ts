import { expect } from 'chai';
import type { HostedSession } from '@duskline/host';
import { EventBuffer } from '../../../support/event-buffer.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { keyOf, sessionIdOf, signTicket } from '../tickets.js';

function ticketOf(number: number, epoch = 1): string {
  return signTicket({ claims: { sid: sessionIdOf(number), epoch } });
}

function admit(rig: HostFixture, number: number, epoch = 1): HostedSession {
  const admission = rig.host.admit(ticketOf(number, epoch));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

function refusalOf(rig: HostFixture, ticket: string): string {
  const admission = rig.host.admit(ticket);
  return admission.ok ? 'none' : admission.reason;
}

describe('host sessions', () => {
  afterEach(stopHostFixtures);

  it('reports each step of a session to the broker', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    connection.send(prepareOf(1));
    await connection.ping();
    const session = admit(rig, 1);
    expect(session).to.include({ epoch: 1, title: 'meadow', playerId: 'player-1', state: 'active' });
    expect(session.stream).to.deep.equal({ codec: 'hevc', resolution: '1080p', fps: 60 });
    expect(session.reportConnected()).to.be.true;
    expect(session.reportConnected()).to.be.false;
    expect(session.reportDisconnected()).to.be.true;
    const again = rig.host.admit(ticketOf(1));
    expect(again).to.include({ ok: true, readmitted: true });
    expect(session.reportConnected()).to.be.true;
    expect(session.end('client_left')).to.be.true;
    expect(session.end('client_left')).to.be.false;
    expect(session.reportConnected()).to.be.false;

    const reports: string[] = [];
    for (let step = 0; step < 6; step += 1) {
      const { sessionId, epoch, state, reason } = await connection.next('session');
      expect([sessionId, epoch]).to.deep.equal([sessionIdOf(1), 1]);
      reports.push(reason === undefined ? state : `${state} ${reason}`);
    }
    expect(reports).to.deep.equal([
      'active',
      'connected',
      'disconnected',
      'active',
      'connected',
      'ended client_left',
    ]);
    await connection.ping();
    expect(connection.frames.unread).to.be.empty;
    expect(rig.ends.unread, 'the application ended it itself').to.be.empty;
  });

  it('refuses a ticket shown twice while a client is connected, and after the end', async () => {
    const rig = await startHostFixture();
    await rig.register();
    const session = admit(rig, 1);
    expect(refusalOf(rig, ticketOf(1))).to.equal('already_claimed');
    session.reportConnected();
    expect(refusalOf(rig, ticketOf(1))).to.equal('already_claimed');
    session.end();
    expect(refusalOf(rig, ticketOf(1))).to.equal('session_over');
  });

  it('refuses tickets of other hosts and expired ones, and changes nothing', async () => {
    const rig = await startHostFixture();
    expect(refusalOf(rig, ticketOf(1)), 'before it is registered').to.equal('no_key');
    const connection = await rig.register();
    expect(refusalOf(rig, signTicket({ key: keyOf('host-2') }))).to.equal('bad_signature');
    expect(refusalOf(rig, signTicket({ algorithm: 'none' }))).to.equal('bad_signature');
    expect(refusalOf(rig, signTicket({ algorithm: 'HS512' }))).to.equal('bad_signature');
    expect(refusalOf(rig, signTicket({ claims: { aud: 'host:dublin/pc-rtx/host-2' } }))).to.equal(
      'wrong_audience',
    );
    expect(refusalOf(rig, signTicket({ claims: { exp: rig.clock.wallMs() / 1000 - 1 } }))).to.equal(
      'expired',
    );
    await connection.ping();
    expect(connection.frames.unread).to.be.empty;
    expect(rig.host.usage).to.deep.equal({ slots: 2, prepared: 0, held: 0 });
  });

  it('never holds more sessions than it has slots', async () => {
    const rig = await startHostFixture({ slots: 2 });
    const connection = await rig.register();
    connection.send(prepareOf(1), prepareOf(2), prepareOf(3));
    await connection.ping();
    expect(rig.host.usage).to.deep.equal({ slots: 2, prepared: 3, held: 0 });
    const first = admit(rig, 1);
    admit(rig, 4);
    expect(refusalOf(rig, ticketOf(2))).to.equal('no_free_slot');
    expect(refusalOf(rig, ticketOf(5))).to.equal('no_free_slot');
    first.end();
    admit(rig, 2);
    expect(rig.host.sessions().map(({ sessionId }) => sessionId)).to.have.members([4, 2].map(sessionIdOf));
  });

  it('keeps its sessions over a lost connection, lists them when it registers, and admits clients meanwhile', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const session = admit(rig, 1);
    session.reportConnected();
    connection.terminate();
    await rig.until('waiting');
    expect(session.state).to.equal('connected');
    session.reportDisconnected();
    admit(rig, 2);
    expect(rig.ends.unread).to.be.empty;
    rig.clock.advance(10_000);
    const again = await rig.broker.connections.next();
    const register = await again.accept();
    const held = [
      { sessionId: sessionIdOf(1), epoch: 1, state: 'disconnected' },
      { sessionId: sessionIdOf(2), epoch: 1, state: 'active' },
    ];
    expect(register.sessions).to.deep.equal(held);
    expect((await again.next('heartbeat')).sessions).to.deep.equal(held);
  });

  it('reports after a reconnect, before its heartbeat, which sessions ended meanwhile', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const [first, second] = [admit(rig, 1), admit(rig, 2)];
    connection.terminate();
    await rig.until('waiting');
    first.end('client_left');
    second.end('idle');
    rig.clock.advance(10_000);
    const again = await rig.broker.connections.next();
    expect((await again.accept()).sessions).to.be.empty;
    const frames = [await again.frames.next(), await again.frames.next(), await again.frames.next()];
    const ended = { type: 'session', epoch: 1, state: 'ended' };
    expect(frames).to.deep.equal([
      { ...ended, sessionId: sessionIdOf(1), reason: 'client_left' },
      { ...ended, sessionId: sessionIdOf(2), reason: 'idle' },
      {
        type: 'heartbeat',
        load: { gpu: 0.4, encoder: 0.3, cpu: 0.2, network: 0.1 },
        sessions: [],
        prepared: [],
      },
    ]);
  });

  it('repeats an end that was sent into a dead connection', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    admit(rig, 1).end('client_left');
    admit(rig, 2);
    connection.terminate();
    await rig.retry();
    const again = await rig.register();
    expect(await again.next('session')).to.include({ sessionId: sessionIdOf(1), reason: 'client_left' });
    await again.ping();
    again.terminate();
    await rig.retry();
    const third = await rig.register();
    await third.ping();
    expect(third.frames.unread, 'the broker was heard after it').to.be.empty;
  });

  it('stops a session on the order of the broker, and ignores an order of an older epoch', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const session = admit(rig, 1, 3);
    await connection.next('session');
    connection.send({ type: 'end', sessionId: sessionIdOf(1), epoch: 2, reason: 'superseded' });
    await connection.ping();
    expect(session.state).to.equal('active');
    connection.send({ type: 'end', sessionId: sessionIdOf(1), epoch: 3, reason: 'operator' });
    expect(await rig.ends.next()).to.deep.equal({ sessionId: sessionIdOf(1), epoch: 3, reason: 'operator' });
    expect(session.state).to.equal('ended');
    expect(session.end()).to.be.false;
    expect(refusalOf(rig, ticketOf(1, 3))).to.equal('session_over');
    await connection.ping();
    expect(connection.frames.unread, 'the broker knows already').to.be.empty;
  });

  it('refuses tickets of an older epoch, and ends the old assignment for a newer one', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const old = admit(rig, 1, 2);
    expect(refusalOf(rig, ticketOf(1, 1))).to.equal('stale_epoch');
    connection.send(prepareOf(1, { epoch: 4 }));
    expect(await rig.ends.next()).to.include({ epoch: 2, reason: 'superseded' });
    expect(old.reportDisconnected()).to.be.false;
    expect(refusalOf(rig, ticketOf(1, 3))).to.equal('stale_epoch');
    expect(admit(rig, 1, 4).stream).not.to.be.undefined;
  });

  it('ends a reservation that nobody claims, and reports it', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register({ pingIntervalMs: 0 });
    connection.send(prepareOf(1, { claimWithinMs: 3_000 }));
    await connection.ping();
    rig.clock.advance(2_999);
    expect(rig.host.usage.prepared).to.equal(1);
    rig.clock.advance(1_001);
    expect(await rig.ends.next()).to.include({ reason: 'reservation_expired' });
    expect(rig.host.usage.prepared).to.equal(0);
    expect(refusalOf(rig, ticketOf(1))).to.equal('session_over');
  });

  const refusals = {
    'refuses without a reason': () => false,
    throws: () => {
      throw new Error('not installed');
    },
    rejects: () => Promise.reject(new Error('not installed')),
  };
  for (const [what, onPrepare] of Object.entries(refusals)) {
    it(`notifies the broker about a reservation when the application ${what}`, async () => {
      const rig = await startHostFixture({ onPrepare });
      const connection = await rig.register();
      connection.send(prepareOf(1));
      expect(await connection.next('session')).to.deep.equal({
        type: 'session',
        sessionId: sessionIdOf(1),
        epoch: 1,
        state: 'ended',
        reason: 'error',
      });
      expect(refusalOf(rig, ticketOf(1))).to.equal('session_over');
    });
  }

  it('lists in heartbeats the reservations that the application has accepted', async () => {
    let accept: (accepted: boolean) => void = () => undefined;
    const rig = await startHostFixture({
      onPrepare: ({ sessionId }) =>
        sessionId === sessionIdOf(1) || new Promise<boolean>((resolve) => (accept = resolve)),
    });
    const connection = await rig.register({ heartbeatIntervalMs: 1_000 });
    connection.send(prepareOf(1), prepareOf(2));
    await connection.ping();
    const nextPrepared = async (): Promise<unknown> => {
      rig.clock.advance(1_000);
      return (await connection.next('heartbeat')).prepared;
    };
    expect(await nextPrepared()).to.deep.equal([{ sessionId: sessionIdOf(1), epoch: 1 }]);
    accept(true);
    await connection.ping();
    admit(rig, 1);
    expect(await nextPrepared()).to.deep.equal([{ sessionId: sessionIdOf(2), epoch: 1 }]);
  });

  it('disconnects a client that was admitted before the application refused', async () => {
    let decide: (accepted: boolean) => void = () => undefined;
    const rig = await startHostFixture({ onPrepare: () => new Promise((resolve) => (decide = resolve)) });
    const prepared = new EventBuffer<string>('prepared session');
    rig.host.on('prepare', ({ sessionId }) => prepared.add(sessionId));
    const connection = await rig.register();
    connection.send(prepareOf(1), prepareOf(1));
    await prepared.next();
    const session = admit(rig, 1);
    decide(false);
    expect(await rig.ends.next()).to.include({ sessionId: sessionIdOf(1), reason: 'error' });
    expect(session.state).to.equal('ended');
    expect(prepared.unread, 'the repeated message is none').to.be.empty;
  });

  it('survives listeners that throw', async () => {
    const rig = await startHostFixture();
    rig.host.on('status', () => {
      throw new Error('listener');
    });
    rig.host.on('prepare', () => Promise.reject(new Error('listener')));
    rig.host.on('end', () => {
      throw new Error('listener');
    });
    const connection = await rig.register();
    connection.send(prepareOf(1), {
      type: 'end',
      sessionId: sessionIdOf(1),
      epoch: 1,
      reason: 'client_left',
    });
    expect(await rig.ends.next()).to.include({ reason: 'client_left' });
    expect(rig.host.status.state).to.equal('registered');
  });
});
