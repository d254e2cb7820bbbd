import { expect } from 'chai';
import { CannotMoveError, type Checkpoint } from '@duskline/host';
import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import { stopHostFixtures } from '../setup.js';
import {
  STATE,
  STILL_MS,
  WITHIN_MS,
  about,
  cannotMove,
  nothingMore,
  orderOf,
  play,
  resumeOf,
  setUpMoving,
} from './moving-host.js';

describe('a host that checkpoints sessions', () => {
  afterEach(stopHostFixtures);

  const refusals: Record<string, [() => Checkpoint | Promise<Checkpoint>, RegExp]> = {
    'refuses with a reason': [
      () => {
        throw new CannotMoveError('no save point is near');
      },
      /^no save point is near$/,
    ],
    'refuses with a long reason': [() => Promise.reject(new CannotMoveError('x'.repeat(300))), /^x{200}$/],
    'fails with a secret': [() => Promise.reject(new Error('password=hunter2')), /^onCheckpoint failed\.$/],
    'returns nothing': [() => undefined as unknown as Checkpoint, /^onCheckpoint failed\.$/],
    'returns an empty reference': [() => ({ reference: '' }), /reference/],
    'returns a reference that is too long': [() => ({ reference: 'x'.repeat(2_049) }), /2049/],
    'returns a state that is too large': [
      () => ({ state: new Uint8Array(MAX_CHECKPOINT_BYTES + 1) }),
      /262145 bytes/,
    ],
  };
  for (const [what, [onCheckpoint, reason]] of Object.entries(refusals)) {
    it(`answers cannot_move, and resumes, when the application ${what}`, async () => {
      const rig = await setUpMoving(onCheckpoint);
      const session = await play(rig);
      rig.connection.send(orderOf(1));
      const answer = await rig.nextFrame();
      expect(answer).to.include(cannotMove(1));
      expect(answer).to.have.property('reason').that.matches(reason);
      expect(await rig.nextFrame()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
      expect(await rig.resumes.next()).to.deep.equal(about(1));
      expect(session.state).to.equal('connected');
      const errors = rig.logged.filter(({ level }) => level === 'error');
      expect(errors).to.have.length(what.startsWith('refuses') ? 0 : 1);
    });
  }

  it('accepts the largest allowed state, and sends only the bytes of a view', async () => {
    const large = new Uint8Array(MAX_CHECKPOINT_BYTES + 8).fill(7);
    const rig = await setUpMoving(() => ({ state: large.subarray(8) }));
    await play(rig);
    rig.connection.send(orderOf(1));
    const answer = await rig.nextFrame();
    expect(answer).to.include({ type: 'checkpoint' });
    const { state } = answer as { state: string };
    expect(Buffer.from(state, 'base64').equals(large.subarray(8))).to.be.true;
  });

  it('returns up on an application that takes too long, and ignores its late answer', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    rig.clock.advance(WITHIN_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(await rig.nextFrame()).to.include({ ...cannotMove(1), reason: 'onCheckpoint took too long.' });
    expect(await rig.nextFrame()).to.include({ state: 'connected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    answer({ state: STATE });
    await nothingMore(rig);
    expect(session.state).to.equal('connected');
  });

  it('ignores the answer of the application after the broker resumed the session', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    await play(rig);
    rig.connection.send(orderOf(1), resumeOf(1));
    expect(await rig.nextFrame()).to.include({ state: 'connected' });
    answer({ state: STATE });
    await nothingMore(rig);
  });

  it('sends nothing more for a session that ends while its state is requested', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    session.end('client_left');
    expect(await rig.nextFrame()).to.include({ state: 'ended', reason: 'client_left' });
    answer({ state: STATE });
    rig.clock.advance(2 * STILL_MS);
    await nothingMore(rig);
    expect(rig.resumes.unread).to.be.empty;
  });
});
