import { expect } from 'chai';
import type { Admission } from '@duskline/host';
import { nextTurn } from '../../../support/time/event-loop.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

function ticketOf(number: number, claims: object = {}): string {
  return signTicket({ claims: { sid: sessionIdOf(number), sub: `player-${number}`, ...claims } });
}

/** What a promise resolved to, or `waiting`. */
async function stateOf(promise: Promise<Admission>): Promise<string> {
  const admission = await Promise.race([promise, nextTurn().then(() => 'waiting' as const)]);
  if (admission === 'waiting') return admission;
  return admission.ok ? 'admitted' : admission.reason;
}

describe('A client that shows its ticket to a full host', () => {
  afterEach(stopHostFixtures);

  async function fullHost(): Promise<{
    fixture: HostFixture;
    connection: Awaited<ReturnType<HostFixture['register']>>;
  }> {
    const fixture = await startHostFixture({ slots: 1 });
    const connection = await fixture.register();
    expect(fixture.host.admit(ticketOf(1)).ok).to.equal(true);
    await connection.next('session');
    return { fixture, connection };
  }

  it('is admitted as soon as the broker ends the session that it takes the slot of', async () => {
    const { fixture, connection } = await fullHost();
    const waiting = fixture.host.admitWhenFree(ticketOf(2));
    expect(await stateOf(waiting)).to.equal('waiting');
    connection.send({ type: 'end', sessionId: sessionIdOf(1), epoch: 1, reason: 'client_left' });
    const admission = await waiting;
    expect(admission.ok && admission.session.sessionId).to.equal(sessionIdOf(2));
    expect(await connection.next('session')).to.include({ sessionId: sessionIdOf(2), state: 'active' });
  });

  it('is admitted when the application ends a session', async () => {
    const { fixture } = await fullHost();
    const waiting = fixture.host.admitWhenFree(ticketOf(2));
    fixture.host.sessions()[0]?.end();
    expect(await stateOf(waiting)).to.equal('admitted');
  });

  it('is admitted without a connection to a broker, and after others that came before', async () => {
    const { fixture, connection } = await fullHost();
    const [second, third] = [ticketOf(2), ticketOf(3)].map((ticket) => fixture.host.admitWhenFree(ticket));
    connection.terminate();
    fixture.host.sessions()[0]?.end();
    expect(await stateOf(second!)).to.equal('admitted');
    expect(await stateOf(third!)).to.equal('no_free_slot');
  });

  it('does not receive an admission that is over already, because another waiting client has replaced it', async () => {
    const fixture = await startHostFixture({ slots: 3 });
    await fixture.register();
    for (const number of [11, 12, 13]) expect(fixture.host.admit(ticketOf(number)).ok).to.equal(true);
    const older = fixture.host.admitWhenFree(ticketOf(2));
    const newer = fixture.host.admitWhenFree(ticketOf(2, { seq: 1 }));
    const newest = fixture.host.admitWhenFree(ticketOf(2, { epoch: 2 }));
    fixture.host.sessions()[0]?.end();
    expect(await Promise.all([older, newer, newest].map(stateOf))).to.deep.equal([
      'stale_epoch',
      'stale_epoch',
      'admitted',
    ]);
    expect(fixture.host.sessions().map(({ epoch }) => epoch)).to.have.members([1, 1, 2]);
  });

  it('is refused after five seconds, and the broker gets a report that the session does not start here', async () => {
    const { fixture, connection } = await fullHost();
    connection.send(prepareOf(2));
    await connection.ping();
    const waiting = fixture.host.admitWhenFree(ticketOf(2));
    fixture.clock.advance(4_999);
    expect(await stateOf(waiting)).to.equal('waiting');
    fixture.clock.advance(1);
    expect(await stateOf(waiting)).to.equal('no_free_slot');
    expect(await connection.next('session')).to.deep.equal({
      type: 'session',
      sessionId: sessionIdOf(2),
      epoch: 1,
      state: 'ended',
      reason: 'error',
    });
    const late = fixture.host.admit(ticketOf(2));
    expect(late.ok ? 'admitted' : late.reason).to.equal('session_over');
  });

  it('is refused in the same way when `prepare` has not arrived', async () => {
    const { fixture, connection } = await fullHost();
    const waiting = fixture.host.admitWhenFree(ticketOf(2));
    fixture.clock.advance(5_000);
    expect(await stateOf(waiting)).to.equal('no_free_slot');
    expect(await connection.next('session')).to.include({ sessionId: sessionIdOf(2), state: 'ended' });
  });

  it('is refused at once for any other reason, and when the host closes', async () => {
    const { fixture } = await fullHost();
    expect(await stateOf(fixture.host.admitWhenFree('no ticket'))).to.equal('bad_signature');
    const waiting = fixture.host.admitWhenFree(ticketOf(2));
    void fixture.host.close();
    expect(await stateOf(waiting)).to.equal('host_closed');
  });
});

describe('A ticket that has expired before its reservation', () => {
  afterEach(stopHostFixtures);

  it('is refused, and the broker gets a report that the session does not start here', async () => {
    const fixture = await startHostFixture();
    const connection = await fixture.register();
    connection.send(prepareOf(1));
    await connection.ping();
    const admission = fixture.host.admit(ticketOf(1, { exp: 1 }));
    expect(admission).to.deep.equal({ ok: false, reason: 'expired' });
    expect(await connection.next('session')).to.include({
      sessionId: sessionIdOf(1),
      state: 'ended',
      reason: 'error',
    });
  });

  it('says nothing about a session that is not reserved here', async () => {
    const fixture = await startHostFixture();
    const connection = await fixture.register();
    expect(fixture.host.admit(ticketOf(1, { exp: 1 })).ok).to.equal(false);
    connection.send(prepareOf(2));
    expect(fixture.host.admit(ticketOf(2)).ok).to.equal(true);
    expect(await connection.next('session')).to.include({ sessionId: sessionIdOf(2), state: 'active' });
  });
});
