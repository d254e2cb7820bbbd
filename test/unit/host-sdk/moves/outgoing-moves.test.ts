import { expect } from 'chai';
import { createHost } from '@duskline/host';
import { LOAD, stopHostFixtures } from '../setup.js';
import { ADDRESS, signTicket } from '../tickets.js';
import {
  STATE_TEXT,
  STILL_MS,
  about,
  admit,
  cannotMove,
  nothingMore,
  orderOf,
  play,
  resumeOf,
  setUpMoving,
} from './moving-host.js';

describe('a host that checkpoints sessions', () => {
  afterEach(stopHostFixtures);

  it('pauses the session at once, and answers with its state', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.deep.equal({ type: 'checkpoint', ...about(1), state: STATE_TEXT });
    expect(rig.asked).to.deep.equal([{ session, state: 'moving' }]);
    expect(session.state).to.equal('moving');
    expect(session.reportConnected(), 'the broker decides').to.be.false;
    const again = rig.host.admit(signTicket());
    expect(again).to.deep.equal({ ok: false, reason: 'already_claimed' });
    expect(rig.host.usage.held, 'it has its slot').to.equal(1);
    await nothingMore(rig);
  });

  it('answers with a reference', async () => {
    const rig = await setUpMoving(() => Promise.resolve({ reference: 's3://saves/7' }));
    await play(rig);
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.deep.equal({
      type: 'checkpoint',
      ...about(1),
      reference: 's3://saves/7',
    });
  });

  it('ends the session when it has moved', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1), { type: 'end', ...about(1), reason: 'superseded' });
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'superseded' });
    expect(session.state).to.equal('ended');
    rig.clock.advance(2 * STILL_MS);
    expect(rig.resumes.unread).to.be.empty;
    rig.connection.send(resumeOf(1));
    await rig.connection.ping();
    expect(rig.resumes.unread).to.be.empty;
  });

  it('resumes the session at once when the move was cancelled', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'checkpoint' });
    rig.connection.send(resumeOf(1));
    expect(await rig.nextFrame()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(session.state).to.equal('connected');
    rig.clock.advance(2 * STILL_MS);
    await nothingMore(rig);
    expect(rig.resumes.unread, 'once').to.be.empty;
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame(), 'it may be asked again').to.include({ type: 'checkpoint' });
  });

  it('resumes the session by itself when no outcome of the move arrives', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    rig.clock.advance(STILL_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(session.state).to.equal('connected');
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(await rig.nextFrame()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
  });

  it('ignores a resume for another epoch, a session that is not moving, or an unknown one', async () => {
    const rig = await setUpMoving();
    const [first, second] = [await play(rig, 1), await play(rig, 2)];
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    rig.connection.send(resumeOf(1, 2), resumeOf(2), resumeOf(3));
    await nothingMore(rig);
    expect([first.state, second.state]).to.deep.equal(['moving', 'connected']);
    expect(rig.resumes.unread).to.be.empty;
  });

  for (const code of ['CHECKPOINT_TOO_LARGE', 'NO_MOVE'] as const) {
    it(`treats ${code} for a moving session as a resume`, async () => {
      const rig = await setUpMoving();
      const [first, second] = [await play(rig, 1), await play(rig, 2)];
      rig.connection.send(orderOf(1));
      await rig.nextFrame();
      for (const number of [1, 2]) {
        const { sessionId } = about(number);
        rig.connection.send({ type: 'error', code, message: 'No.', retryable: false, sessionId });
      }
      expect(await rig.nextFrame()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
      expect(await rig.resumes.next()).to.deep.equal(about(1));
      expect([first.state, second.state]).to.deep.equal(['connected', 'connected']);
      await nothingMore(rig);
    });
  }

  it('keeps the session paused after any other error: at STALE_EPOCH it has moved already', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    const { sessionId } = about(1);
    rig.connection.send({ type: 'error', code: 'STALE_EPOCH', message: 'No.', retryable: false, sessionId });
    await nothingMore(rig);
    expect(session.state).to.equal('moving');
  });

  it('refuses for a session that is unknown, at another epoch, not connected, or not movable', async () => {
    const rig = await setUpMoving();
    const [first, second] = [await play(rig, 1), await play(rig, 2)];
    first.reportDisconnected();
    expect(await rig.nextFrame()).to.include({ state: 'disconnected' });
    second.setMovable(false);
    for (const [number, epoch] of [
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 1],
    ] as const) {
      rig.connection.send(orderOf(number, epoch));
      expect(await rig.nextFrame()).to.include(cannotMove(number, epoch));
    }
    expect(rig.asked).to.be.empty;
    expect([first.state, second.state]).to.deep.equal(['disconnected', 'connected']);
    expect(rig.resumes.unread, 'nothing was held still').to.be.empty;
    await nothingMore(rig);
  });

  it('refuses a second order, and cancels the first with it', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'checkpoint' });
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.include(cannotMove(1));
    expect(await rig.nextFrame()).to.include({ state: 'connected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(session.state).to.equal('connected');
    expect(rig.asked).to.have.length(1);
  });

  it('refuses without onCheckpoint, and lists no session as movable', async () => {
    const rig = await setUpMoving(null, {});
    const session = await play(rig);
    session.setMovable(true);
    rig.connection.send(orderOf(1));
    expect(await rig.nextFrame()).to.include(cannotMove(1));
    expect(session.state).to.equal('connected');
    rig.clock.advance(600_000);
    expect((await rig.connection.next('heartbeat')).sessions).to.deep.equal([
      { ...about(1), state: 'connected' },
    ]);
  });

  it('cannot be created with movable sessions and without onCheckpoint', () => {
    const options = {
      url: 'ws://127.0.0.1:1',
      token: 'token-of-host-1-in-these-tests',
      ...ADDRESS,
      slots: 1,
      endpoint: 'wss://host-1.example/stream',
      measureLoad: () => LOAD,
    };
    expect(() => createHost({ ...options, movable: true })).to.throw(TypeError, 'onCheckpoint');
  });

  it('lists as movable the connected sessions that may move', async () => {
    const rig = await setUpMoving(undefined, {});
    const listed = async () => {
      rig.clock.advance(600_000);
      const { sessions } = await rig.connection.next('heartbeat');
      return sessions.map(({ state, movable }) => `${state} ${movable}`);
    };
    const session = admit(rig, 1);
    session.setMovable(true);
    expect(await listed()).to.deep.equal(['active undefined']);
    session.reportConnected();
    expect(await listed()).to.deep.equal(['connected true']);
    session.setMovable(false);
    expect(await listed()).to.deep.equal(['connected undefined']);
    session.setMovable(true);
    session.reportDisconnected();
    expect(await listed()).to.deep.equal(['disconnected undefined']);
  });

  it('uses one timer for many paused sessions, and resumes them when it is closed', async () => {
    const rig = await setUpMoving();
    const sessions = [await play(rig, 1), await play(rig, 2)];
    const before = rig.clock.pending;
    rig.connection.send(orderOf(1), orderOf(2));
    for (const number of [1, 2]) {
      expect(await rig.nextFrame()).to.include({ type: 'checkpoint', ...about(number) });
    }
    expect(rig.clock.pending).to.equal(before + 1);
    await rig.host.close();
    expect(rig.clock.pending).to.equal(0);
    expect(sessions.map(({ state }) => state)).to.deep.equal(['connected', 'connected']);
    expect(rig.resumes.unread).to.have.length(2);
  });
});
