import { expect } from 'chai';
import { startHostFixture, stopHostFixtures } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';
import { RecordedSessions } from './recorded-sessions.js';

/** A host with sessions that have just ended. */
function withEnded(slots: number, numbers: readonly number[], isRegistered = true): RecordedSessions {
  const host = new RecordedSessions(slots);
  host.isRegistered = isRegistered;
  for (const number of numbers) {
    host.claim(number);
    host.report(number, 'application_ended');
  }
  host.take();
  return host;
}

/** The sessions whose ends are sent to a broker that registers the host. */
function takeResent(host: RecordedSessions): string[] {
  host.sessions.handleRegistered();
  return host.take().flatMap((effect) => {
    const isEnd =
      effect.type === 'send' && effect.message.type === 'session' && effect.message.state === 'ended';
    return isEnd ? [effect.message.sessionId] : [];
  });
}

describe('unconfirmed ends', () => {
  afterEach(stopHostFixtures);

  it('are deleted once the broker answered after they were sent, and kept when they were not sent', () => {
    const host = withEnded(10, [1]);
    host.isRegistered = false;
    host.claim(2);
    host.report(2, 'application_ended');
    host.take();
    host.sessions.handlePong(1);
    host.isRegistered = true;
    expect(takeResent(host)).to.deep.equal([sessionIdOf(2)]);
    expect(takeResent(host)).to.deep.equal([sessionIdOf(2)]);
    host.sessions.handlePong(1);
    expect(takeResent(host)).to.be.empty;
  });

  it('are kept when the broker answers a ping that was sent before them', () => {
    const host = new RecordedSessions(10);
    host.pingsSent = 7;
    host.claim(1);
    host.report(1, 'application_ended');
    host.take();
    host.sessions.handlePong(7);
    expect(takeResent(host)).to.deep.equal([sessionIdOf(1)]);
    host.sessions.handlePong(8);
    expect(takeResent(host)).to.be.empty;
  });

  it('are no longer reported when a broker ends the session too, or gives it a new epoch', () => {
    const host = withEnded(10, [1, 2, 3], false);
    host.order(1);
    host.prepare(2, 2);
    host.isRegistered = true;
    expect(takeResent(host)).to.deep.equal([sessionIdOf(3)]);
  });

  it('are bounded: the newest are kept', () => {
    const slots = 2;
    const numbers = Array.from({ length: 69 }, (_, index) => index + 1);
    const host = withEnded(slots, numbers, false);
    host.isRegistered = true;
    expect(takeResent(host)).to.deep.equal(numbers.slice(1).map(sessionIdOf));
  });

  it('are sent again when the connection is lost after the broker sent something that it had sent before', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    await connection.pings.next();
    const admission = rig.host.admit(signTicket());
    if (admission.ok) admission.session.end('client_left');
    // A message that crosses the end says nothing about it.
    connection.send({ type: 'error', code: 'INTERNAL', message: 'crosses', retryable: true });
    await connection.next('session');
    const end = await connection.next('session');
    expect(end).to.include({ state: 'ended', reason: 'client_left' });
    await connection.ping();
    connection.terminate();
    await rig.retry();
    const again = await rig.register();
    expect(await again.next('session')).to.deep.equal(end);
  });
});
