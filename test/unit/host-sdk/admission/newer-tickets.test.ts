import { expect } from 'chai';
import type { Admission, HostOptions, HostedSession, ReplacedStream } from '@duskline/host';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

const ABOUT = { sessionId: sessionIdOf(1), epoch: 1 };

interface Rig extends HostFixture {
  readonly connection: ScriptedConnection;
  readonly replacements: EventBuffer<ReplacedStream>;
  readonly resumes: EventBuffer<object>;
}

/** A full host, with rare heartbeats. */
async function setUp(options: Partial<HostOptions> = {}): Promise<Rig> {
  const fixture = await startHostFixture({
    slots: 1,
    movable: true,
    onCheckpoint: () => ({ reference: 's3://saves/1' }),
    onRestore: () => true,
    ...options,
  });
  const connection = await fixture.register({ heartbeatIntervalMs: 600_000, pingIntervalMs: 0 });
  const replacements: Rig['replacements'] = new EventBuffer('replaced stream');
  fixture.host.on('streamReplaced', (replaced) => replacements.add(replaced));
  const resumes: Rig['resumes'] = new EventBuffer('resumed session');
  fixture.host.on('resume', (resumed) => resumes.add(resumed));
  return { ...fixture, connection, replacements, resumes };
}

/** A ticket of session 1; the one with the higher number is newer. */
function show({ host }: Rig, seq: number | undefined, epoch = 1): Admission {
  return host.admit(signTicket({ claims: { epoch, ...(seq === undefined ? {} : { seq }) } }));
}

function admit(rig: Rig, seq: number, epoch = 1): HostedSession {
  const admission = show(rig, seq, epoch);
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

/** The states that the broker was told, and other messages by their type. */
async function nextReports({ connection }: Rig): Promise<string[]> {
  await connection.ping();
  const reports: string[] = [];
  while (connection.frames.unread.length > 0) {
    const frame = await connection.frames.next();
    reports.push(frame.type === 'session' ? frame.state : frame.type);
  }
  return reports;
}

describe('A newer ticket of a session', () => {
  afterEach(stopHostFixtures);

  for (const states of [[], ['connected']]) {
    it(`replaces the client that is ${states.at(-1) ?? 'active'}, which must be disconnected`, async () => {
      const rig = await setUp();
      const tv = admit(rig, 1);
      if (states.length > 0) tv.reportConnected();
      expect(await nextReports(rig)).to.deep.equal(['active', ...states]);
      const admission = show(rig, 2);
      expect(admission).to.include({ ok: true, readmitted: true });
      const phone = admission.ok ? admission.session : undefined;
      expect(rig.replacements.all, 'before the admission returns').to.have.length(1);
      const replacement = await rig.replacements.next();
      expect(replacement).to.include(ABOUT);
      expect(replacement.replaced).to.equal(tv);
      expect(replacement.session).to.equal(phone);
      expect([tv.state, phone?.state]).to.deep.equal(['ended', 'active']);
      expect(phone?.reportConnected()).to.be.true;
      expect(await nextReports(rig)).to.deep.equal(['disconnected', 'active', 'connected']);
      expect(rig.host.sessions()).to.deep.equal([phone]);
      expect(rig.ends.unread, 'the session continues').to.be.empty;
    });
  }

  it('leaves nothing to the former client: its late reports have no effect', async () => {
    const rig = await setUp();
    const limits = { idleMs: 10_000, warnBeforeMs: [] };
    rig.connection.send(prepareOf(1, { limits }));
    await rig.connection.ping();
    const tv = admit(rig, 1);
    tv.reportConnected();
    const phone = admit(rig, 2);
    phone.reportConnected();
    await nextReports(rig);
    expect(tv.reportDisconnected()).to.be.false;
    expect(tv.reportConnected()).to.be.false;
    expect(tv.signal('candidate')).to.be.false;
    expect(tv.end('client_left')).to.be.false;
    tv.setMovable(false);
    rig.clock.advance(5_000);
    tv.reportActivity();
    expect(await nextReports(rig)).to.be.empty;
    expect(phone.state).to.equal('connected');
    expect(phone.signal('candidate')).to.be.true;
    rig.clock.advance(5_000);
    expect(await rig.ends.next(), 'the input of the former client does not count').to.include({
      reason: 'idle',
    });
  });

  it('makes older tickets useless, also while no client is connected', async () => {
    const rig = await setUp();
    admit(rig, 1);
    const phone = admit(rig, 2);
    for (const seq of [1, 2, undefined]) {
      expect(show(rig, seq)).to.deep.equal({ ok: false, reason: 'already_claimed' });
    }
    phone.reportDisconnected();
    for (const seq of [1, undefined]) {
      expect(show(rig, seq)).to.deep.equal({ ok: false, reason: 'already_claimed' });
    }
    expect(admit(rig, 2), 'the client of the session returns').to.equal(phone);
  });

  it('is admitted while the former client is disconnected, and no stream is replaced', async () => {
    const rig = await setUp();
    const tv = admit(rig, 1);
    tv.reportConnected();
    tv.reportDisconnected();
    const phone = admit(rig, 2);
    expect(phone).not.to.equal(tv);
    expect([tv.state, phone.state]).to.deep.equal(['ended', 'active']);
    expect(await nextReports(rig)).to.deep.equal(['active', 'connected', 'disconnected', 'active']);
    expect(rig.replacements.all).to.be.empty;
  });

  it('makes the first ticket useless that was not shown in time', async () => {
    const rig = await setUp();
    rig.connection.send(prepareOf(1));
    await rig.connection.ping();
    admit(rig, 2);
    expect(show(rig, 1)).to.deep.equal({ ok: false, reason: 'already_claimed' });
  });

  it('does not restart the limits of the session', async () => {
    const rig = await setUp();
    rig.connection.send(prepareOf(1, { limits: { idleMs: 8_000, maxLengthMs: 60_000, warnBeforeMs: [] } }));
    await rig.connection.ping();
    admit(rig, 1).reportConnected();
    rig.clock.advance(5_000);
    admit(rig, 2).reportConnected();
    rig.clock.advance(3_000);
    expect(await rig.ends.next()).to.include({ reason: 'idle' });
  });

  it('of an older epoch is refused, however high its number is', async () => {
    const rig = await setUp();
    admit(rig, 1, 2);
    expect(show(rig, 9, 1)).to.deep.equal({ ok: false, reason: 'stale_epoch' });
    expect(admit(rig, 0, 3).epoch, 'a newer epoch needs no number').to.equal(3);
  });

  it('has a number that is whole and not negative', async () => {
    const rig = await setUp();
    for (const seq of [-1, 1.5, '2', null]) {
      const ticket = signTicket({ claims: { seq } });
      expect(rig.host.admit(ticket)).to.deep.equal({ ok: false, reason: 'bad_claims' });
    }
  });

  it('keeps a session paused whose state was handed over, until the stream of the new client runs', async () => {
    const rig = await setUp();
    const tv = admit(rig, 1);
    tv.reportConnected();
    await nextReports(rig);
    rig.connection.send({ type: 'checkpoint', ...ABOUT, withinMs: 5_000, stillMs: 30_000 });
    await rig.connection.frames.next(({ type }) => type === 'checkpoint');
    const phone = admit(rig, 2);
    expect(await nextReports(rig)).to.deep.equal(['disconnected', 'active']);
    expect(rig.resumes.all, 'it may have moved').to.be.empty;
    phone.reportConnected();
    expect(await nextReports(rig)).to.deep.equal(['connected']);
    expect(await rig.resumes.next()).to.deep.equal(ABOUT);
  });

  it('cancels a move whose state was not handed over yet', async () => {
    const rig = await setUp({ onCheckpoint: () => new Promise(() => undefined) });
    admit(rig, 1).reportConnected();
    await nextReports(rig);
    rig.connection.send({ type: 'checkpoint', ...ABOUT, withinMs: 5_000, stillMs: 30_000 });
    await rig.connection.ping();
    admit(rig, 2);
    expect(await nextReports(rig)).to.deep.equal(['disconnected', 'cannot_move', 'active']);
    expect(await rig.resumes.next()).to.deep.equal(ABOUT);
  });

  it('does not begin a session that moves here', async () => {
    const rig = await setUp();
    rig.connection.send({
      ...prepareOf(1, { epoch: 2 }),
      type: 'restore',
      withinMs: 5_000,
      reference: 's3://saves/1',
    });
    await rig.connection.frames.next(({ type }) => type === 'restored');
    admit(rig, 1, 2).reportConnected();
    const phone = admit(rig, 2, 2);
    expect(phone.begun).to.be.false;
    rig.connection.send({ type: 'moved', sessionId: sessionIdOf(1), epoch: 2 });
    await rig.connection.ping();
    expect(phone.begun).to.be.true;
  });
});
