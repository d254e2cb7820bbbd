import { expect } from 'chai';
import { Fixtures } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { REQUEST_ID, aMove, movableSessions } from './movable-session.js';

describe('client: sessions that move', () => {
  const fixtures = new Fixtures();
  const { moving } = movableSessions(fixtures);
  afterEach(() => fixtures.stop());

  it('stay when the target host does not admit the client', async () => {
    const { end, session, events, attempt } = await moving();
    attempt.refuse();
    expect(await end.next('stay')).to.deep.equal({ type: 'stay', sessionId: SESSION_ID, epoch: 2 });
    expect(attempt.move.signal.aborted).to.be.true;
    end.session({ state: 'connected' });
    expect(await events.next((event) => event === 'connected')).to.equal('connected');
    expect(session).to.include({ epoch: 1, ticket: 'secret-ticket-1', state: 'connected' });
    expect(events.all.slice(-2)).to.deep.equal(['moving', 'connected']);
  });

  it('stay when the application throws synchronously', async () => {
    const { broker, client } = await fixtures.pair();
    const asked = client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onMove: () => {
        throw new Error('not in a cut scene');
      },
    });
    const end = await broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    await asked;
    end.send(aMove());
    expect(await end.next('stay')).to.include({ epoch: 2 });
  });

  it('stay when the application takes longer than the claim time, without a timer left', async () => {
    const clock = new ManualClock();
    const { client, end, attempt } = await moving({ clock });
    clock.advance(4_999);
    expect(attempt.move.signal.aborted).to.be.false;
    clock.advance(1);
    expect(await end.next('stay')).to.include({ epoch: 2 });
    expect(attempt.move.signal.aborted).to.be.true;
    attempt.refuse();
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play', 'stay']);
    await client.close();
    expect(clock.pending).to.equal(0);
  });

  it('do not stay at the claim deadline when the client was admitted before', async () => {
    const clock = new ManualClock();
    const { end, events, attempt } = await moving({ clock });
    attempt.letIn();
    await nextTurn();
    clock.advance(10_000);
    end.session({ epoch: 2, state: 'active' });
    await events.next((event) => event === 'moved to host-2');
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
  });

  it('have moved when `stay` is answered with NO_MOVE: the client connects to the target host again', async () => {
    const { end, session, events, attempt } = await moving();
    attempt.refuse();
    await end.next('stay');
    end.error({ code: 'NO_MOVE', sessionId: SESSION_ID });
    end.session({ epoch: 2, state: 'active' });
    await events.next((event) => event === 'active');
    expect(events.all.slice(-3)).to.deep.equal(['moving', 'replaced by host-2', 'active']);
    expect(session).to.include({ epoch: 2, ticket: 'secret-ticket-2' });
    expect(await end.receivedTypes(), 'the match is known').to.deep.equal(['hello', 'play', 'stay']);
  });

  it('cancel the move when the source host continues', async () => {
    const { end, session, events, attempt, attempts } = await moving();
    end.session({ state: 'moving' });
    await end.ping();
    expect(attempt.move.signal.aborted, 'a repeat').to.be.false;
    end.session({ state: 'connected' });
    await events.next((event) => event === 'connected');
    expect(attempt.move.signal.aborted).to.be.true;
    attempt.refuse();
    expect(await end.receivedTypes(), 'the broker knows').to.deep.equal(['hello', 'play']);
    expect(session).to.include({ epoch: 1, state: 'connected' });
    end.session({ state: 'moving' });
    end.send(aMove(3));
    expect((await attempts.next()).move.epoch, 'another one is followed').to.equal(3);
  });
});
