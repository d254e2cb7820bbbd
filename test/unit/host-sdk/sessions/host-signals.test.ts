import { expect } from 'chai';
import type { HostedSession, ReceivedSignal } from '@duskline/host';
import { MAX_SIGNAL_LENGTH } from '@duskline/protocol/constants';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

function admit({ host }: HostFixture, number: number): HostedSession {
  const admission = host.admit(signTicket({ claims: { sid: sessionIdOf(number) } }));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

async function nextSignal(connection: ScriptedConnection): Promise<object> {
  return connection.frames.next(({ type }) => type === 'signal');
}

const signalOf = (number: number, data: string, epoch = 1) => ({
  type: 'signal' as const,
  sessionId: sessionIdOf(number),
  epoch,
  data,
});

describe('host signals', () => {
  afterEach(stopHostFixtures);

  it('are sent both ways, for a session and for a reservation', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const received = new EventBuffer<ReceivedSignal>('signal of the player');
    rig.host.on('signal', (signal) => received.add(signal));
    connection.send(prepareOf(1), signalOf(1, 'offer'));
    expect(await received.next()).to.deep.equal({ sessionId: sessionIdOf(1), epoch: 1, data: 'offer' });
    expect(rig.host.signal(sessionIdOf(1), 'answer')).to.equal(true);
    expect(await nextSignal(connection)).to.deep.equal(signalOf(1, 'answer'));
    const session = admit(rig, 1);
    expect(session.signal('candidate')).to.equal(true);
    expect(await nextSignal(connection)).to.deep.equal(signalOf(1, 'candidate'));
  });

  it('are ignored for another assignment, or an unknown session', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const received = new EventBuffer<ReceivedSignal>('signal of the player');
    rig.host.on('signal', (signal) => received.add(signal));
    connection.send(prepareOf(1, { epoch: 2 }));
    connection.send(
      signalOf(1, 'old', 1),
      signalOf(1, 'new', 3),
      signalOf(2, 'other'),
      signalOf(1, 'own', 2),
    );
    expect((await received.next()).data).to.equal('own');
    expect(received.unread).to.be.empty;
    expect(rig.host.signal(sessionIdOf(2), 'hello')).to.equal(false);
  });

  it('wait while no broker is connected, and are sent after registration in order', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const [first, second] = [admit(rig, 1), admit(rig, 2)];
    connection.terminate();
    await rig.until('waiting');
    const said: string[] = [];
    for (let i = 0; i < 32; i += 1) {
      for (const session of [first, second]) {
        expect(session.signal(`${session.sessionId} ${i}`)).to.equal(true);
        said.push(`${session.sessionId} ${i}`);
      }
    }
    rig.clock.advance(10_000);
    const again = await rig.broker.connections.next();
    await again.accept();
    await again.next('heartbeat');
    const sent = again.frames.unread.map((frame) => (frame.type === 'signal' ? frame.data : frame.type));
    expect(sent).to.deep.equal(said);
    expect(first.signal('after')).to.equal(true);
    expect(await again.frames.next((frame) => frame.type === 'signal' && frame.data === 'after')).to.exist;
  });

  it('wait up to a limit, and not for a session that ends meanwhile', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const [first, second] = [admit(rig, 1), admit(rig, 2)];
    connection.terminate();
    await rig.until('waiting');
    for (let i = 0; i < 64; i += 1) expect(first.signal(`${i}`)).to.equal(true);
    expect(first.signal('one too many')).to.equal(false);
    expect(second.signal('mine')).to.equal(true);
    first.end();
    expect(first.signal('late')).to.equal(false);
    rig.clock.advance(10_000);
    const again = await rig.broker.connections.next();
    await again.accept();
    await again.next('heartbeat');
    expect(again.frames.unread.filter(({ type }) => type === 'signal')).to.deep.equal([signalOf(2, 'mine')]);
  });

  it('are refused when no broker would relay them, and when the host is closed', async () => {
    const rig = await startHostFixture();
    const connection = await rig.register();
    const session = admit(rig, 1);
    expect(() => session.signal('')).to.throw(RangeError);
    expect(() => session.signal('x'.repeat(MAX_SIGNAL_LENGTH + 1))).to.throw(RangeError);
    expect(() => session.signal('\0'.repeat(MAX_SIGNAL_LENGTH))).to.throw(RangeError);
    const longest = '漢'.repeat(MAX_SIGNAL_LENGTH);
    expect(session.signal(longest)).to.equal(true);
    expect(await nextSignal(connection)).to.include({ data: longest });
    await rig.host.close();
    expect(session.signal('late')).to.equal(false);
  });
});
