import { expect } from 'chai';
import {
  CannotMoveError,
  createHost,
  type Checkpoint,
  type HostedSession,
  type HostOptions,
} from '@duskline/host';
import type { HostToBroker, Resume } from '@duskline/protocol';
import { MAX_CHECKPOINT_BYTES } from '@duskline/protocol/constants';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { LOAD, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { ADDRESS, sessionIdOf, signTicket } from '../tickets.js';

const STATE = Buffer.from('{"count":42}');
const STATE_TEXT = STATE.toString('base64');
const WITHIN_MS = 5_000;
const STILL_MS = 30_000;

const about = (number: number, epoch = 1) => ({ sessionId: sessionIdOf(number), epoch });
const orderOf = (number: number, epoch = 1) =>
  ({ type: 'checkpoint', ...about(number, epoch), withinMs: WITHIN_MS, stillMs: STILL_MS }) as const;
const resumeOf = (number: number, epoch = 1): Resume => ({ type: 'resume', ...about(number, epoch) });

function admit({ host }: HostFixture, number: number): HostedSession {
  const admission = host.admit(signTicket({ claims: { sid: sessionIdOf(number) } }));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

interface MovingRig extends HostFixture {
  readonly connection: ScriptedConnection;
  readonly resumes: EventBuffer<{ sessionId: string; epoch: number }>;
  /** Sessions as `onCheckpoint` got them, with the state they were in then. */
  readonly asked: { session: HostedSession; state: string }[];
  readonly logged: { level: string; text: string }[];
  /** The next frame that is no heartbeat. */
  told(): Promise<HostToBroker>;
}

/** Registered, with heartbeats far apart and no pings. */
async function setUpMoving(
  onCheckpoint: HostOptions['onCheckpoint'] | null = () => ({ state: STATE }),
  options: Partial<HostOptions> = { movable: true },
): Promise<MovingRig> {
  const asked: MovingRig['asked'] = [];
  const logged: MovingRig['logged'] = [];
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, text: `${message} ${JSON.stringify(fields)}` });
  const rig = await startHostFixture({
    ...options,
    slots: 3,
    ...(onCheckpoint === null
      ? {}
      : {
          onCheckpoint: (session: HostedSession) => {
            asked.push({ session, state: session.state });
            return onCheckpoint(session);
          },
        }),
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  });
  const resumes: MovingRig['resumes'] = new EventBuffer('resumed session');
  rig.host.on('resume', (resumed) => resumes.add(resumed));
  const connection = await rig.register({ heartbeatIntervalMs: 600_000, pingIntervalMs: 0 });
  const told = () => connection.frames.next(({ type }) => type !== 'heartbeat');
  return { ...rig, connection, resumes, asked, logged, told };
}

/** A session whose stream runs; the broker has heard so. */
async function play(rig: MovingRig, number = 1): Promise<HostedSession> {
  const session = admit(rig, number);
  session.reportConnected();
  for (const state of ['active', 'connected']) expect(await rig.told()).to.include({ state });
  return session;
}

async function nothingMore({ connection }: MovingRig): Promise<void> {
  await connection.ping();
  expect(connection.frames.unread.filter(({ type }) => type !== 'heartbeat')).to.be.empty;
}

const cannotMove = (number: number, epoch = 1) => ({ type: 'cannot_move', ...about(number, epoch) });

describe('a host that checkpoints sessions', () => {
  afterEach(stopHostFixtures);

  it('pauses the session at once, and answers with its state', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    expect(await rig.told()).to.deep.equal({ type: 'checkpoint', ...about(1), state: STATE_TEXT });
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
    expect(await rig.told()).to.deep.equal({ type: 'checkpoint', ...about(1), reference: 's3://saves/7' });
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
    expect(await rig.told()).to.include({ type: 'checkpoint' });
    rig.connection.send(resumeOf(1));
    expect(await rig.told()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(session.state).to.equal('connected');
    rig.clock.advance(2 * STILL_MS);
    await nothingMore(rig);
    expect(rig.resumes.unread, 'once').to.be.empty;
    rig.connection.send(orderOf(1));
    expect(await rig.told(), 'it may be asked again').to.include({ type: 'checkpoint' });
  });

  it('resumes the session by itself when no outcome of the move arrives', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.told();
    rig.clock.advance(STILL_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(session.state).to.equal('connected');
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(await rig.told()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
  });

  it('ignores a resume for another epoch, a session that is not moving, or an unknown one', async () => {
    const rig = await setUpMoving();
    const [first, second] = [await play(rig, 1), await play(rig, 2)];
    rig.connection.send(orderOf(1));
    await rig.told();
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
      await rig.told();
      for (const number of [1, 2]) {
        const { sessionId } = about(number);
        rig.connection.send({ type: 'error', code, message: 'No.', retryable: false, sessionId });
      }
      expect(await rig.told()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
      expect(await rig.resumes.next()).to.deep.equal(about(1));
      expect([first.state, second.state]).to.deep.equal(['connected', 'connected']);
      await nothingMore(rig);
    });
  }

  it('keeps the session paused after any other error: at STALE_EPOCH it has moved already', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.told();
    const { sessionId } = about(1);
    rig.connection.send({ type: 'error', code: 'STALE_EPOCH', message: 'No.', retryable: false, sessionId });
    await nothingMore(rig);
    expect(session.state).to.equal('moving');
  });

  const refusals: Record<string, [() => Checkpoint | Promise<Checkpoint>, RegExp]> = {
    'refuses with a reason': [
      () => {
        throw new CannotMoveError('no save point is near');
      },
      /^no save point is near$/,
    ],
    'refuses at length': [() => Promise.reject(new CannotMoveError('x'.repeat(300))), /^x{200}$/],
    'fails with a secret': [() => Promise.reject(new Error('password=hunter2')), /^onCheckpoint failed\.$/],
    'gives nothing': [() => undefined as unknown as Checkpoint, /^onCheckpoint failed\.$/],
    'gives an empty reference': [() => ({ reference: '' }), /reference/],
    'gives a reference that is too long': [() => ({ reference: 'x'.repeat(2_049) }), /2049/],
    'gives a state that is too large': [
      () => ({ state: new Uint8Array(MAX_CHECKPOINT_BYTES + 1) }),
      /262145 bytes/,
    ],
  };
  for (const [what, [onCheckpoint, reason]] of Object.entries(refusals)) {
    it(`answers cannot_move, and resumes, when the application ${what}`, async () => {
      const rig = await setUpMoving(onCheckpoint);
      const session = await play(rig);
      rig.connection.send(orderOf(1));
      const answer = await rig.told();
      expect(answer).to.include(cannotMove(1));
      expect(answer).to.have.property('reason').that.matches(reason);
      expect(await rig.told()).to.deep.equal({ type: 'session', ...about(1), state: 'connected' });
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
    const answer = await rig.told();
    expect(answer).to.include({ type: 'checkpoint' });
    const { state } = answer as { state: string };
    expect(Buffer.from(state, 'base64').equals(large.subarray(8))).to.be.true;
  });

  it('gives up on an application that takes too long, and ignores its late answer', async () => {
    let answer: (checkpoint: Checkpoint) => void = () => undefined;
    const rig = await setUpMoving(() => new Promise((resolve) => (answer = resolve)));
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.connection.ping();
    rig.clock.advance(WITHIN_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(await rig.told()).to.include({ ...cannotMove(1), reason: 'onCheckpoint took too long.' });
    expect(await rig.told()).to.include({ state: 'connected' });
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
    expect(await rig.told()).to.include({ state: 'connected' });
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
    expect(await rig.told()).to.include({ state: 'ended', reason: 'client_left' });
    answer({ state: STATE });
    rig.clock.advance(2 * STILL_MS);
    await nothingMore(rig);
    expect(rig.resumes.unread).to.be.empty;
  });

  it('refuses for a session that is unknown, at another epoch, not connected, or not movable', async () => {
    const rig = await setUpMoving();
    const [first, second] = [await play(rig, 1), await play(rig, 2)];
    first.reportDisconnected();
    expect(await rig.told()).to.include({ state: 'disconnected' });
    second.setMovable(false);
    for (const [number, epoch] of [
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 1],
    ] as const) {
      rig.connection.send(orderOf(number, epoch));
      expect(await rig.told()).to.include(cannotMove(number, epoch));
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
    expect(await rig.told()).to.include({ type: 'checkpoint' });
    rig.connection.send(orderOf(1));
    expect(await rig.told()).to.include(cannotMove(1));
    expect(await rig.told()).to.include({ state: 'connected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
    expect(session.state).to.equal('connected');
    expect(rig.asked).to.have.length(1);
  });

  it('refuses without onCheckpoint, and lists no session as movable', async () => {
    const rig = await setUpMoving(null, {});
    const session = await play(rig);
    session.setMovable(true);
    rig.connection.send(orderOf(1));
    expect(await rig.told()).to.include(cannotMove(1));
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

  it('keeps the session paused when the client is lost during the move, and reports its state afterwards', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.told();
    expect(session.reportDisconnected()).to.be.true;
    expect(await rig.told()).to.include({ state: 'disconnected' });
    expect(rig.resumes.unread, 'still held: it may have moved').to.be.empty;
    rig.connection.send(resumeOf(1));
    expect(await rig.told()).to.include({ state: 'disconnected' });
    expect(await rig.resumes.next()).to.deep.equal(about(1));
  });

  it('continues with a client that reconnects here instead of moving', async () => {
    const rig = await setUpMoving();
    const session = await play(rig);
    rig.connection.send(orderOf(1));
    await rig.told();
    session.reportDisconnected();
    expect(admit(rig, 1)).to.equal(session);
    session.reportConnected();
    for (const state of ['disconnected', 'active', 'connected'])
      expect(await rig.told()).to.include({ state });
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
    expect(await rig.told()).to.include({ state: 'disconnected' });
    answer({ state: STATE });
    expect(await rig.told()).to.include(cannotMove(1));
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
    await rig.told();
    rig.broker.refusal = { status: 503, body: '' };
    rig.connection.terminate();
    await rig.until('waiting');
    rig.clock.advance(STILL_MS - 1);
    expect(session.state).to.equal('moving');
    rig.clock.advance(1);
    expect(session.state).to.equal('connected');
    expect(await rig.resumes.next()).to.deep.equal(about(1));
  });

  it('uses one timer for many paused sessions, and resumes them when it is closed', async () => {
    const rig = await setUpMoving();
    const sessions = [await play(rig, 1), await play(rig, 2)];
    const before = rig.clock.pending;
    rig.connection.send(orderOf(1), orderOf(2));
    for (const number of [1, 2]) {
      expect(await rig.told()).to.include({ type: 'checkpoint', ...about(number) });
    }
    expect(rig.clock.pending).to.equal(before + 1);
    await rig.host.close();
    expect(rig.clock.pending).to.equal(0);
    expect(sessions.map(({ state }) => state)).to.deep.equal(['connected', 'connected']);
    expect(rig.resumes.unread).to.have.length(2);
  });
});
