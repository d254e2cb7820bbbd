import { expect } from 'chai';
import { CannotMoveError, type Checkpoint, type HostedSession, type HostOptions } from '@duskline/host';
import type { HostToBroker, Moved, Restore } from '@duskline/protocol';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';
import { prepareOf, startHostFixture, stopHostFixtures, type HostFixture } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

/** How long the broker waits for the answer to `restore`. */
const WITHIN_MS = 10_000;
const STATE = Buffer.from('{"count":42}');

const about = (number: number, epoch = 2) => ({ sessionId: sessionIdOf(number), epoch });
const movedOf = (number: number, epoch = 2): Moved => ({ type: 'moved', ...about(number, epoch) });

function restoreOf(number: number, change: Partial<Restore> = {}): Restore {
  const state = STATE.toString('base64');
  return { ...prepareOf(number, { epoch: 2 }), type: 'restore', withinMs: WITHIN_MS, state, ...change };
}

function admit({ host }: HostFixture, number: number, epoch = 2): HostedSession {
  const admission = host.admit(signTicket({ claims: { sid: sessionIdOf(number), epoch } }));
  if (!admission.ok) throw new Error(`refused: ${admission.reason}`);
  return admission.session;
}

interface ArrivingRig extends HostFixture {
  readonly connection: ScriptedConnection;
  readonly moved: EventBuffer<{ sessionId: string; epoch: number }>;
  readonly prepared: EventBuffer<string>;
  /** The next frame that is not a heartbeat. */
  nextFrame(): Promise<HostToBroker>;
}

/** Registers a host, with rare heartbeats and without pings. */
async function setUpArriving(
  onRestore: HostOptions['onRestore'] | null = () => undefined,
  options: Partial<HostOptions> = {},
): Promise<ArrivingRig> {
  const prepared = new EventBuffer<string>('call of onPrepare');
  const rig = await startHostFixture({
    ...options,
    ...(onRestore === null ? {} : { onRestore }),
    onPrepare: ({ sessionId }) => {
      prepared.add(sessionId);
      return true;
    },
  });
  const moved: ArrivingRig['moved'] = new EventBuffer('moved session');
  rig.host.on('moved', (session) => moved.add(session));
  const connection = await rig.register({ heartbeatIntervalMs: 600_000, pingIntervalMs: 0 });
  const nextFrame = () => connection.frames.next(({ type }) => type !== 'heartbeat');
  return { ...rig, connection, moved, prepared, nextFrame };
}

/** Orders the host to restore a session, and waits for `restored`. */
async function restore(rig: ArrivingRig, number = 1, change: Partial<Restore> = {}): Promise<void> {
  rig.connection.send(restoreOf(number, change));
  expect(await rig.nextFrame()).to.deep.equal({ type: 'restored', ...about(number) });
}

async function nothingMore({ connection }: ArrivingRig): Promise<void> {
  await connection.ping();
  expect(connection.frames.unread.filter(({ type }) => type !== 'heartbeat')).to.be.empty;
}

describe('a host that restores sessions', () => {
  afterEach(stopHostFixtures);

  it('resumes from the state once its client is admitted and the broker confirms the move', async () => {
    const taken: [object, Checkpoint][] = [];
    const rig = await setUpArriving((...restored) => void taken.push(restored));
    await restore(rig, 1, { limits: { idleMs: 60_000, warnBeforeMs: [] } });
    const [[session, checkpoint] = []] = taken;
    const { title, playerId, stream, claimWithinMs } = restoreOf(1);
    const limits = { idleMs: 60_000, warnBeforeMs: [] };
    expect(session).to.deep.equal({ ...about(1), title, playerId, stream, claimWithinMs, limits });
    expect(checkpoint).to.deep.equal({ state: STATE });
    expect(rig.host.usage).to.deep.equal({ slots: 2, prepared: 1, held: 0 });

    const hosted = admit(rig, 1);
    expect(hosted).to.include({ begun: false, state: 'active' });
    expect(await rig.nextFrame()).to.deep.equal({
      type: 'session',
      ...about(1),
      state: 'active',
      restored: true,
    });
    expect(hosted.reportConnected()).to.be.true;
    expect(await rig.nextFrame()).to.include({ state: 'connected' });
    rig.connection.send(movedOf(1));
    expect(await rig.moved.next()).to.deep.equal(about(1));
    expect(hosted.begun).to.be.true;
    rig.connection.send(movedOf(1));
    await nothingMore(rig);
    expect(rig.moved.unread, 'once').to.be.empty;
    expect(rig.prepared.unread, 'onPrepare is not asked').to.be.empty;
    rig.clock.advance(60_000);
    expect(await rig.ends.next(), 'its limits hold').to.deep.equal({ ...about(1), reason: 'idle' });
  });

  it('passes a reference to the application unchanged', async () => {
    const taken: Checkpoint[] = [];
    const rig = await setUpArriving((_session, checkpoint) => taken.push(checkpoint) > 0);
    const { state, ...order } = restoreOf(1, { reference: 's3://saves/7' });
    expect(state).to.exist;
    rig.connection.send(order);
    expect(await rig.nextFrame()).to.include({ type: 'restored' });
    expect(taken).to.deep.equal([{ reference: 's3://saves/7' }]);
  });

  it('starts nothing on `moved` of another epoch, without its client, or for an unknown session', async () => {
    const rig = await setUpArriving();
    await restore(rig);
    rig.connection.send(movedOf(1));
    await nothingMore(rig);
    const session = admit(rig, 1);
    expect(session.begun).to.be.false;
    rig.connection.send(movedOf(1, 1), movedOf(1, 3), movedOf(2));
    await rig.connection.ping();
    expect(session.begun).to.be.false;
    expect(rig.moved.unread).to.be.empty;
  });

  it('starts a session at once that was not restored', async () => {
    const rig = await setUpArriving();
    rig.connection.send(prepareOf(1));
    await rig.prepared.next();
    const session = admit(rig, 1, 1);
    expect(session.begun).to.be.true;
    rig.connection.send(movedOf(1, 1));
    await rig.connection.ping();
    expect(rig.moved.unread).to.be.empty;
  });

  const refusals: Record<string, [NonNullable<HostOptions['onRestore']>, string]> = {
    'refuses without a reason': [() => false, 'The application refused the session.'],
    'refuses with a reason': [
      () => Promise.reject(new CannotMoveError('that save is too old')),
      'that save is too old',
    ],
    'fails with a secret': [
      () => {
        throw new Error('password=hunter2');
      },
      'onRestore failed.',
    ],
  };
  for (const [what, [onRestore, reason]] of Object.entries(refusals)) {
    it(`answers cannot_move, and keeps nothing, when the application ${what}`, async () => {
      const rig = await setUpArriving(onRestore);
      rig.connection.send(restoreOf(1));
      expect(await rig.nextFrame()).to.deep.equal({ type: 'cannot_move', ...about(1), reason });
      await nothingMore(rig);
      expect(rig.host.usage.prepared).to.equal(0);
      expect(rig.ends.unread, 'the application knows').to.be.empty;
      const late = rig.host.admit(signTicket({ claims: { epoch: 2 } }));
      expect(late).to.deep.equal({ ok: false, reason: 'session_over' });
    });
  }

  it('answers cannot_move without onRestore, without a state, and with both state and reference', async () => {
    const rig = await setUpArriving(null);
    rig.connection.send(restoreOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move', ...about(1) });
    const other = await setUpArriving();
    const { state, ...empty } = restoreOf(1);
    other.connection.send(empty);
    expect(await other.nextFrame()).to.include({ type: 'cannot_move', ...about(1) });
    other.connection.send({ ...empty, state: state ?? '', reference: 'both' });
    expect(await other.nextFrame()).to.include({ type: 'cannot_move', ...about(1) });
  });

  it('restores no session that has ended here, or has a newer epoch here', async () => {
    const rig = await setUpArriving();
    rig.connection.send({ type: 'end', ...about(1), reason: 'move_failed' }, restoreOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move', ...about(1) });
    admit(rig, 2, 3);
    expect(await rig.nextFrame()).to.include({ state: 'active', epoch: 3 });
    rig.connection.send(restoreOf(2));
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move', ...about(2) });
  });

  it('does not restore a session that a ticket already started', async () => {
    const rig = await setUpArriving();
    const session = admit(rig, 1);
    expect(await rig.nextFrame()).to.include({ state: 'active' });
    rig.connection.send(restoreOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move', ...about(1) });
    expect(session.begun).to.be.true;
  });

  it('answers a repeated order again, and calls the application once', async () => {
    let asked = 0;
    let accept: () => void = () => undefined;
    const rig = await setUpArriving(() => {
      asked += 1;
      return new Promise((resolve) => (accept = () => resolve(true)));
    });
    rig.connection.send(restoreOf(1), restoreOf(1));
    await nothingMore(rig);
    accept();
    expect(await rig.nextFrame()).to.include({ type: 'restored' });
    rig.connection.send(restoreOf(1));
    expect(await rig.nextFrame()).to.include({ type: 'restored' });
    await nothingMore(rig);
    expect(asked).to.equal(1);
  });

  it('ends the session when the move failed, and when no client comes', async () => {
    const rig = await setUpArriving();
    await restore(rig, 1);
    rig.connection.send({ type: 'end', ...about(1), reason: 'move_failed' });
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'move_failed' });
    await restore(rig, 2);
    rig.clock.advance(600_000);
    expect(await rig.ends.next()).to.deep.equal({ ...about(2), reason: 'reservation_expired' });
  });

  it('ends the session when its answer was too late, unless its client is admitted', async () => {
    const rig = await setUpArriving();
    await restore(rig, 1);
    await restore(rig, 2);
    const session = admit(rig, 2);
    for (const number of [1, 2]) {
      const { sessionId } = about(number);
      rig.connection.send({ type: 'error', code: 'NO_MOVE', message: 'No.', retryable: false, sessionId });
    }
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'move_failed' });
    await rig.connection.ping();
    expect(rig.ends.unread).to.be.empty;
    expect(session.state).to.equal('active');
  });

  it('sends nothing when the application answers after the end', async () => {
    const answers: ((accepted: boolean) => void)[] = [];
    const rig = await setUpArriving(() => new Promise<boolean>((resolve) => answers.push(resolve)));
    for (const number of [1, 2]) {
      rig.connection.send(restoreOf(number), { type: 'end', ...about(number), reason: 'move_failed' });
      expect(await rig.ends.next()).to.include(about(number));
    }
    answers[0]!(true);
    answers[1]!(false);
    await nothingMore(rig);
  });

  it('gives up on an application that takes longer than the broker waits, and ignores its late answer', async () => {
    let answer: (accepted: boolean) => void = () => undefined;
    const rig = await setUpArriving(() => new Promise<boolean>((resolve) => (answer = resolve)));
    rig.connection.send(restoreOf(1));
    await rig.connection.ping();
    rig.clock.advance(WITHIN_MS - 1);
    await nothingMore(rig);
    rig.clock.advance(1);
    const reason = 'onRestore took too long.';
    expect(await rig.nextFrame()).to.deep.equal({ type: 'cannot_move', ...about(1), reason });
    expect(await rig.ends.next()).to.deep.equal({ ...about(1), reason: 'move_failed' });
    expect(rig.host.usage.prepared).to.equal(0);
    answer(true);
    await nothingMore(rig);
  });

  it('answers as late as the broker waits, and keeps the session for the client after that', async () => {
    let answer: (accepted: boolean) => void = () => undefined;
    const rig = await setUpArriving(() => new Promise<boolean>((resolve) => (answer = resolve)));
    rig.connection.send(restoreOf(1));
    await rig.connection.ping();
    rig.clock.advance(WITHIN_MS - 1);
    answer(true);
    expect(await rig.nextFrame()).to.deep.equal({ type: 'restored', ...about(1) });
    rig.clock.advance(WITHIN_MS);
    await nothingMore(rig);
    expect(admit(rig, 1)).to.include({ begun: false, state: 'active' });
  });

  it('disconnects a client that was admitted before the application refused', async () => {
    let refuse: () => void = () => undefined;
    const rig = await setUpArriving(() => new Promise((resolve) => (refuse = () => resolve(false))));
    rig.connection.send(restoreOf(1));
    await rig.connection.ping();
    const session = admit(rig, 1);
    expect(await rig.nextFrame()).to.include({ state: 'active' });
    refuse();
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move' });
    expect(await rig.nextFrame()).to.include({ state: 'ended', reason: 'move_failed' });
    expect(await rig.ends.next()).to.include({ reason: 'move_failed' });
    expect(session.state).to.equal('ended');
  });

  it('moves no session that has not started here', async () => {
    const rig = await setUpArriving(undefined, { movable: true, onCheckpoint: () => ({ state: STATE }) });
    await restore(rig);
    admit(rig, 1).reportConnected();
    for (const state of ['active', 'connected']) expect(await rig.nextFrame()).to.include({ state });
    const order = { type: 'checkpoint', ...about(1), withinMs: 5_000, stillMs: 30_000 } as const;
    rig.connection.send(order);
    expect(await rig.nextFrame()).to.include({ type: 'cannot_move' });
    rig.connection.send(movedOf(1), order);
    expect(await rig.nextFrame()).to.include({ type: 'checkpoint' });
  });

  it('repeats its report with every heartbeat until the broker confirms the move', async () => {
    const rig = await setUpArriving();
    await restore(rig);
    const session = admit(rig, 1);
    expect(await rig.nextFrame()).to.include({ state: 'active' });
    rig.clock.advance(600_000);
    const again = [await rig.connection.frames.next(), await rig.connection.frames.next()];
    expect(again[0]).to.deep.equal({ type: 'session', ...about(1), state: 'active', restored: true });
    expect(again[1]).to.include({ type: 'heartbeat' });
    await rig.connection.ping();
    rig.connection.send(movedOf(1));
    await rig.moved.next();
    session.reportConnected();
    expect(await rig.nextFrame()).to.include({ state: 'connected' });
    rig.clock.advance(600_000);
    await rig.connection.next('heartbeat');
    await nothingMore(rig);
  });

  it('repeats its report after a reconnect, with the current state of the session', async () => {
    const rig = await setUpArriving();
    await restore(rig, 1);
    await restore(rig, 2);
    const session = admit(rig, 1);
    rig.connection.terminate();
    await rig.until('waiting');
    session.reportConnected();
    rig.clock.advance(700);
    const again = await rig.broker.connections.next();
    expect((await again.accept()).sessions).to.deep.equal([{ ...about(1), state: 'connected' }]);
    expect(await again.frames.next()).to.deep.equal({
      type: 'session',
      ...about(1),
      state: 'connected',
      restored: true,
    });
    expect(await again.frames.next()).to.include({ type: 'heartbeat' });
    again.send(movedOf(1));
    expect(await rig.moved.next()).to.deep.equal(about(1));
  });

  it('sends `restored` on the next connection', async () => {
    let accept: () => void = () => undefined;
    const rig = await setUpArriving(() => new Promise((resolve) => (accept = () => resolve(true))));
    rig.connection.send(restoreOf(1));
    await rig.connection.ping();
    rig.connection.terminate();
    await rig.until('waiting');
    accept();
    rig.clock.advance(700);
    const again = await rig.broker.connections.next();
    await again.accept();
    expect(await again.frames.next()).to.deep.equal({ type: 'restored', ...about(1) });
  });
});
