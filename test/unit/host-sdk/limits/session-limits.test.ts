import { expect } from 'chai';
import type { HostedSession, NearLimit } from '@duskline/host';
import type { HostToBroker, SessionLimits } from '@duskline/protocol';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

const MINUTE = 60_000;
const LIMITS: SessionLimits = {
  idleMs: 10 * MINUTE,
  maxLengthMs: 60 * MINUTE,
  warnBeforeMs: [5 * MINUTE, MINUTE],
};

interface LimitedRig extends HostFixture {
  readonly connection: ScriptedConnection;
  readonly limits: EventBuffer<NearLimit>;
}

/** Registers a host, with rare heartbeats and without pings, so that the only other timer is that of the limits. */
async function setUpLimited(): Promise<LimitedRig> {
  const rig = await startHostFixture();
  const connection = await rig.register({ heartbeatIntervalMs: 300 * MINUTE, pingIntervalMs: 0 });
  const limits = new EventBuffer<NearLimit>('near limit');
  rig.host.on('limit', (limit) => limits.add(limit));
  return { ...rig, connection, limits };
}

function admit({ host }: HostFixture, number: number): HostedSession {
  const admission = host.admit(signTicket({ claims: { sid: sessionIdOf(number) } }));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

async function prepareLimited(rig: LimitedRig, number: number, limits = LIMITS): Promise<void> {
  rig.connection.send(prepareOf(number, { limits }));
  await rig.connection.ping();
}

async function nextLimit(connection: ScriptedConnection): Promise<HostToBroker> {
  return connection.frames.next(({ type }) => type === 'limit');
}

async function nextEnd(connection: ScriptedConnection): Promise<HostToBroker> {
  return connection.frames.next((frame) => frame.type === 'session' && frame.state === 'ended');
}

const about = (number: number) => ({ sessionId: sessionIdOf(number), epoch: 1 });

describe('host session limits', () => {
  afterEach(stopHostFixtures);

  it('warn application and broker of idleness, and end the session', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    const session = admit(rig, 1);
    rig.clock.advance(10 * MINUTE);
    for (const endsInMs of [5 * MINUTE, MINUTE]) {
      expect(await rig.limits.next()).to.deep.equal({ ...about(1), kind: 'idle', endsInMs });
      const limit = { type: 'limit', ...about(1), kind: 'idle', endsInMs };
      expect(await nextLimit(rig.connection)).to.deep.equal(limit);
    }
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'idle' });
    expect(await nextEnd(rig.connection)).to.include({ ...about(1), reason: 'idle' });
    expect(session.state).to.equal('ended');
    expect(rig.host.usage).to.include({ held: 0 });
  });

  it('withdraw the warning at player input, and count again', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    const session = admit(rig, 1);
    rig.clock.advance(5 * MINUTE);
    expect(await nextLimit(rig.connection)).to.include({ endsInMs: 5 * MINUTE });
    session.reportActivity();
    session.reportActivity();
    expect(await nextLimit(rig.connection)).to.include({ ...about(1), kind: 'idle', endsInMs: null });
    rig.clock.advance(4 * MINUTE);
    session.reportActivity();
    rig.clock.advance(5 * MINUTE - 1);
    await rig.connection.ping();
    expect(rig.connection.frames.unread.map(({ type }) => type)).to.deep.equal(['session']);
    rig.clock.advance(1);
    expect(await nextLimit(rig.connection)).to.include({ endsInMs: 5 * MINUTE });
    expect(rig.limits.unread.map(({ endsInMs }) => endsInMs)).to.deep.equal([5 * MINUTE, null, 5 * MINUTE]);
  });

  it('end a session at its maximum length, however active its player is', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    const session = admit(rig, 1);
    for (let minute = 0; minute < 60; minute += 4) {
      session.reportActivity();
      rig.clock.advance(4 * MINUTE);
    }
    expect(rig.limits.unread.map(({ kind, endsInMs }) => [kind, endsInMs])).to.deep.equal([
      ['max_length', 5 * MINUTE],
      ['max_length', MINUTE],
    ]);
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'max_length' });
  });

  it('count from the ticket, not from the reservation, and continue while the client is disconnected', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    rig.clock.advance(20_000);
    const session = admit(rig, 1);
    rig.clock.advance(4 * MINUTE);
    session.reportDisconnected();
    rig.clock.advance(5 * MINUTE);
    expect(admit(rig, 1), 'coming back is no activity').to.equal(session);
    rig.clock.advance(MINUTE - 1);
    expect(rig.ends.unread).to.be.empty;
    rig.clock.advance(1);
    expect(rig.ends.unread).to.deep.equal([{ ...about(1), reason: 'idle' }]);
  });

  it('count from the ticket also when the ticket arrives before the limits', async () => {
    const rig = await setUpLimited();
    admit(rig, 1);
    rig.clock.advance(8 * MINUTE);
    await prepareLimited(rig, 1);
    expect(rig.limits.unread).to.be.empty;
    rig.clock.advance(0);
    expect(rig.limits.unread).to.deep.equal([{ ...about(1), kind: 'idle', endsInMs: 2 * MINUTE }]);
    rig.clock.advance(2 * MINUTE);
    expect(await rig.ends.next()).to.include({ reason: 'idle' });
  });

  it('continue without a broker, which is sent their state afterwards', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    await prepareLimited(rig, 2, { idleMs: 3 * MINUTE, warnBeforeMs: [] });
    admit(rig, 1);
    admit(rig, 2);
    rig.clock.advance(MINUTE);
    rig.connection.terminate();
    await rig.until('waiting');
    rig.broker.refusal = { status: 503, body: '' };
    rig.clock.advance(5 * MINUTE);
    expect(rig.limits.unread).to.deep.equal([{ ...about(1), kind: 'idle', endsInMs: 5 * MINUTE }]);
    expect(await rig.ends.next()).to.deep.equal({ ...about(2), reason: 'idle' });
    rig.broker.refusal = undefined;
    await rig.retry();
    const again = await rig.broker.connections.next();
    expect((await again.accept()).sessions).to.have.length(1);
    expect(await again.frames.next()).to.include({ ...about(2), type: 'session', reason: 'idle' });
    const limit = { ...about(1), type: 'limit', kind: 'idle' };
    const warning = await again.frames.next();
    expect(warning).to.include(limit);
    expect(warning)
      .to.have.property('endsInMs')
      .that.is.within(3 * MINUTE, 4 * MINUTE);
    expect(await again.frames.next()).to.include({ type: 'heartbeat' });
  });

  it('of many sessions use one timer, and none once the host is closed', async () => {
    const rig = await setUpLimited();
    const before = rig.clock.pending;
    for (const number of [1, 2]) {
      await prepareLimited(rig, number, { ...LIMITS, idleMs: number * 20 * MINUTE });
      admit(rig, number);
    }
    expect(rig.clock.pending).to.equal(before + 1);
    rig.clock.advance(20 * MINUTE);
    expect(rig.ends.unread).to.deep.equal([{ ...about(1), reason: 'idle' }]);
    expect(rig.clock.pending).to.equal(before + 1);
    await rig.host.close();
    expect(rig.clock.pending).to.equal(0);
  });

  it('are not applied to a session that has ended', async () => {
    const rig = await setUpLimited();
    await prepareLimited(rig, 1);
    const session = admit(rig, 1);
    rig.clock.advance(5 * MINUTE);
    expect(await nextLimit(rig.connection)).to.include({ kind: 'idle' });
    session.end('client_left');
    session.reportActivity();
    rig.clock.advance(60 * MINUTE);
    expect(rig.limits.unread).to.have.length(1);
    expect(rig.ends.unread).to.be.empty;
  });

  it('allow a listener to end the session', async () => {
    const rig = await setUpLimited();
    const sessions = new Map<string, HostedSession>();
    for (const number of [1, 2]) {
      await prepareLimited(rig, number);
      sessions.set(sessionIdOf(number), admit(rig, number));
    }
    rig.host.on('limit', () => sessions.forEach((session) => session.end('operator')));
    rig.clock.advance(60 * MINUTE);
    expect(rig.limits.unread).to.have.length(1);
    expect(rig.ends.unread).to.be.empty;
  });
});
