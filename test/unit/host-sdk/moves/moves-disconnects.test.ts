import { expect } from 'chai';
import type { Checkpoint } from '@duskline/host';
import { stopHostFixtures } from '../setup.js';
import {
  STATE,
  STATE_TEXT,
  STILL_MS,
  WITHIN_MS,
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

  it('keeps the session paused when the client is lost during the move, and reports its state afterwards', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    expect(session.reportDisconnected()).to.be.true;
    expect(await rig.nextFrame()).to.include({ state: 'disconnected' });
    expect(rig.resumes.unread, 'still held: it may have moved').to.be.empty;
    rig.connection.send(resumeOf(1));
    expect(await rig.nextFrame()).to.include({ state: 'disconnected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
  });

  it('continues with a client that reconnects here instead of moving', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    session.reportDisconnected();
    expect(admit(rig, 1)).to.equal(session);
    session.reportConnected();
    for (const state of ['disconnected', 'active', 'connected'])
      expect(await rig.nextFrame()).to.include({ state });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    await nothingMore(rig);
  });

  it('refuses when the client is lost before the state is ready', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    session.reportDisconnected();
    expect(await rig.nextFrame()).to.include({ state: 'disconnected' });
    answer({ state: STATE });
    expect(await rig.nextFrame()).to.include(cannotMove(1));
    expect(await rig.resumes.next()).to.deep.equal(about(1));
  });

  it('sends its answer on the next connection when the first one was lost', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    rig.connection.terminate();
    await rig.until('waiting');
    answer({ state: STATE });
    rig.clock.advance(700);
    const again = await rig.broker.connections.next();
    expect((await again.accept()).sessions).to.deep.equal([{ ...about(1), state: 'moving' }]);
    expect(await again.frames.next()).to.include({ type: 'checkpoint', state: STATE_TEXT });
    expect(await again.frames.next()).to.include({ type: 'heartbeat' });
    again.send(resumeOf(1));
    expect(await again.next('session')).to.include({ state: 'connected' });
  });

  it('does not send the answer when it would be too late', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    rig.broker.refusal = { status: 503, body: '' };
    rig.connection.terminate();
    await rig.until('waiting');
    answer({ state: STATE });
    rig.clock.advance(WITHIN_MS);
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(session.state).to.equal('connected');
    const { retryInMs } = await rig.until('waiting');
    rig.broker.refusal = undefined;
    rig.clock.advance(retryInMs);
    const again = await rig.broker.connections.next();
    expect((await again.accept()).sessions).to.deep.equal([
      { ...about(1), state: 'connected', movable: true },
    ]);
    expect(await again.frames.next()).to.include({ type: 'heartbeat' });
  });

  it('resumes when the connection is lost after its answer, and no outcome arrives', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.nextFrame();
    rig.broker.refusal = { status: 503, body: '' };
    rig.connection.terminate();
    await rig.until('waiting');
    rig.clock.advance(STILL_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(session.state).to.equal('connected');
    expect(await rig.resumes.next()).to.deep.equal(about(1));
  });
});
