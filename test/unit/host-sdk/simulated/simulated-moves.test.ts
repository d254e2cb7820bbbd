import { expect } from 'chai';
import {
  createSimulatedHost,
  createStreamServer,
  watchStream,
  type SimulatedHost,
  type SimulatedHostOptions,
  type StreamServer,
  type StreamViewer,
} from '@duskline/host/simulated';
import type { HostToBroker, Restore } from '@duskline/protocol';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { ScriptedBroker, type ScriptedConnection } from '../scripted-broker.js';
import { prepareOf } from '../setup.js';
import { sessionIdOf, signTicket } from '../tickets.js';

const about = (epoch: number) => ({ sessionId: sessionIdOf(1), epoch });

interface SimulatedOnBroker {
  readonly simulated: SimulatedHost;
  readonly connection: ScriptedConnection;
}

interface Watching {
  readonly viewer: StreamViewer;
  /** Its events, such as `admitted`, `frame 1 of 7` and `closed: left`. */
  readonly seen: EventBuffer<string>;
}

describe('simulated sessions that move', () => {
  const clock = new ManualClock();
  let broker: ScriptedBroker;
  let streams: StreamServer;
  let old: SimulatedOnBroker;
  let next: SimulatedOnBroker;
  const hosts: SimulatedHost[] = [];

  async function start(
    hostId: string,
    options: Partial<SimulatedHostOptions> = {},
  ): Promise<SimulatedOnBroker> {
    const simulated = createSimulatedHost({
      streams,
      url: broker.url,
      token: 'token-of-a-host-in-these-tests',
      hostId,
      region: 'dublin',
      pool: 'pc-rtx',
      slots: 2,
      load: { spread: 0, noise: 0, stallsPerHour: 0 },
      clock,
      ...options,
    });
    hosts.push(simulated);
    const connection = await broker.connections.next();
    await connection.accept({ heartbeatIntervalMs: 600_000, pingIntervalMs: 0 });
    await connection.next('heartbeat');
    return { simulated, connection };
  }

  function watch({ simulated }: SimulatedOnBroker, epoch: number): Watching {
    const seen = new EventBuffer<string>('event of the stream');
    const aud = `host:dublin/pc-rtx/${simulated.hostId}`;
    const ticket = signTicket({ claims: { aud, sid: sessionIdOf(1), epoch } });
    const viewer = watchStream(simulated.endpoint, ticket, {
      admitted: () => seen.add('admitted'),
      frame: (n, count) => seen.add(`frame ${n} of ${count}`),
      closed: (why) => seen.add(`closed: ${why}`),
    });
    return { viewer, seen };
  }

  const nextFrame = ({ connection }: SimulatedOnBroker): Promise<HostToBroker> =>
    connection.frames.next(({ type }) => type !== 'heartbeat' && type !== 'session');

  async function checkpoint(host: SimulatedOnBroker): Promise<string> {
    host.connection.send({ type: 'checkpoint', ...about(1), withinMs: 5_000, stillMs: 30_000 });
    const answer = await nextFrame(host);
    expect(answer).to.include({ type: 'checkpoint' });
    return (answer as { state: string }).state;
  }

  function restore(host: SimulatedOnBroker, state: string): void {
    const order: Restore = { ...prepareOf(1, { epoch: 2 }), type: 'restore', withinMs: 10_000, state };
    host.connection.send(order);
  }

  /** Advances the time by one frame, and waits until all viewers have received it. */
  async function show(watching: Watching, seconds: number, lines: string[]): Promise<void> {
    clock.advance(seconds * 1_000);
    for (const line of lines) expect(await watching.seen.next()).to.equal(line);
  }

  beforeEach(async () => {
    broker = await ScriptedBroker.start();
    streams = await createStreamServer({ clock });
    old = await start('host-1');
    next = await start('host-2');
  });

  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.crash();
    await streams.close();
    await broker.stop();
    expect(clock.pending, 'timers left behind').to.equal(0);
  });

  it('continue their count on the other host', async () => {
    const here = watch(old, 1);
    expect(await here.seen.next()).to.equal('admitted');
    await show(here, 2, ['frame 1 of 1', 'frame 2 of 2']);
    const state = await checkpoint(old);
    expect(JSON.parse(Buffer.from(state, 'base64').toString())).to.deep.equal({ count: 2 });
    restore(next, state);
    expect(await nextFrame(next)).to.deep.equal({ type: 'restored', ...about(2) });
    const there = watch(next, 2);
    expect(await there.seen.next(), 'before it has begun').to.equal('admitted');
    clock.advance(3_000);
    next.connection.send({ type: 'moved', ...about(2) });
    old.connection.send({ type: 'end', ...about(1), reason: 'superseded' });
    expect(await here.seen.next(), 'no picture since it was handed over').to.equal(
      'closed: ended: superseded',
    );
    await show(there, 2, ['frame 1 of 3', 'frame 2 of 4']);
    expect(old.simulated.stats).to.include({
      checkpoints: 1,
      restored: 0,
      moved: 0,
      resumed: 0,
      sessions: 0,
    });
    expect(next.simulated.stats).to.include({
      checkpoints: 0,
      restored: 1,
      moved: 1,
      resumed: 0,
      sessions: 1,
    });
    expect(next.simulated.stats.overbooked).to.equal(0);
  });

  it('continue their count here when the move failed', async () => {
    const here = watch(old, 1);
    await show(here, 0, ['admitted']);
    await show(here, 1, ['frame 1 of 1']);
    await checkpoint(old);
    clock.advance(3_000);
    old.connection.send({ type: 'resume', ...about(1) });
    await old.connection.ping();
    await show(here, 1, ['frame 2 of 2']);
    expect(old.simulated.stats).to.include({ checkpoints: 1, resumed: 1 });
  });

  it('continue their count over a lost stream, and after it on the other host', async () => {
    const first = watch(old, 1);
    await show(first, 0, ['admitted']);
    await show(first, 1, ['frame 1 of 1']);
    first.viewer.drop();
    await first.seen.next();
    await old.connection.frames.next((frame) => frame.type === 'session' && frame.state === 'disconnected');
    const second = watch(old, 1);
    await show(second, 0, ['admitted']);
    await show(second, 1, ['frame 1 of 2']);
    restore(next, await checkpoint(old));
    await nextFrame(next);
    const there = watch(next, 2);
    await show(there, 0, ['admitted']);
    next.connection.send({ type: 'moved', ...about(2) });
    await next.connection.ping();
    there.viewer.drop();
    await there.seen.next();
    await next.connection.frames.next((frame) => frame.type === 'session' && frame.state === 'disconnected');
    const back = watch(next, 2);
    await show(back, 0, ['admitted']);
    await show(back, 1, ['frame 1 of 3']);
  });

  it('transfer as many bytes as configured', async () => {
    const heavy = await start('host-3', { checkpointBytes: 200_000 });
    const here = watch(heavy, 1);
    await show(here, 0, ['admitted']);
    const state = await checkpoint(heavy);
    expect(Buffer.from(state, 'base64')).to.have.length(200_000);
    restore(next, state);
    expect(await nextFrame(next)).to.include({ type: 'restored' });
  });

  it('are movable by default', async () => {
    const kept = new Set([sessionIdOf(1)]);
    const choosy = await start('host-3', { movable: ({ sessionId }) => !kept.has(sessionId) });
    const firm = await start('host-4', { movable: false });
    for (const host of [old, choosy, firm]) await show(watch(host, 1), 0, ['admitted']);
    const listed = ({ simulated }: SimulatedOnBroker) => {
      const [session] = simulated.host.sessions();
      return session?.state;
    };
    expect([old, choosy, firm].map(listed)).to.deep.equal(['connected', 'connected', 'connected']);
    const movable = async ({ connection }: SimulatedOnBroker) =>
      (await connection.next('heartbeat')).sessions.map((session) => session.movable);
    clock.advance(600_000);
    for (const [host, expected] of [
      [old, true],
      [choosy, undefined],
      [firm, undefined],
    ] as const) {
      expect(await movable(host)).to.deep.equal([expected]);
    }
    kept.clear();
    clock.advance(600_000);
    expect(await movable(choosy)).to.deep.equal([true]);
  });

  it('fail as configured, and continue', async () => {
    const here = watch(old, 1);
    await show(here, 0, ['admitted']);
    const order = { type: 'checkpoint', ...about(1), withinMs: 5_000, stillMs: 30_000 } as const;
    for (const fault of ['refuse', 'too_large'] as const) {
      old.simulated.setMoveFaults({ checkpoint: fault });
      old.connection.send(order);
      expect(await nextFrame(old)).to.include({ type: 'cannot_move' });
    }
    old.simulated.setMoveFaults({ checkpoint: 'hang' });
    old.connection.send(order);
    await old.connection.ping();
    expect(old.simulated.host.sessions()[0]?.state).to.equal('moving');
    clock.advance(5_000);
    expect(await nextFrame(old)).to.include({ type: 'cannot_move' });
    await show(here, 1, ['frame 1 of 1']);
    old.simulated.setMoveFaults({});
    const state = await checkpoint(old);
    next.simulated.setMoveFaults({ restore: 'refuse' });
    restore(next, state);
    expect(await nextFrame(next)).to.include({ type: 'cannot_move' });
    expect(next.simulated.stats).to.include({ restored: 0 });
    expect(old.simulated.stats).to.include({ checkpoints: 1, resumed: 3 });
  });

  it('are never restored by a host that hangs, nor from an invalid state', async () => {
    restore(next, Buffer.from('null').toString('base64'));
    expect(await nextFrame(next)).to.include({ type: 'cannot_move' });
    const stuck = await start('host-3', { moveFaults: { restore: 'hang' } });
    restore(stuck, Buffer.from('{"count":7}').toString('base64'));
    await stuck.connection.ping();
    expect(stuck.connection.frames.unread).to.be.empty;
    expect(stuck.simulated.host.usage.prepared).to.equal(1);
  });
});
