import { once } from 'node:events';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import {
  createSimulatedHost,
  createStreamServer,
  type SimulatedHost,
  type SimulatedHostOptions,
  type StreamServer,
  type StreamToClient,
} from '@duskline/host/simulated';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { ScriptedBroker, type ScriptedConnection } from '../scripted-broker.js';
import { prepareOf } from '../setup.js';
import { ADDRESS, keyOf, sessionIdOf, signTicket } from '../tickets.js';

function ticketOf(number: number, epoch = 1): string {
  return signTicket({ claims: { sid: sessionIdOf(number), epoch } });
}

/** A client of a simulated host's stream. */
class Viewer {
  readonly frames = new EventBuffer<StreamToClient>('frame of the stream');
  readonly closed: Promise<number>;
  readonly socket: WebSocket;

  private constructor(endpoint: string) {
    this.socket = new WebSocket(endpoint);
    this.socket.on('message', (data: Buffer) => {
      this.frames.add(JSON.parse(data.toString('utf8')) as StreamToClient);
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', (code) => resolve(code)));
  }

  static async open(endpoint: string): Promise<Viewer> {
    const viewer = new Viewer(endpoint);
    await once(viewer.socket, 'open');
    return viewer;
  }

  static async watch(endpoint: string, number: number): Promise<Viewer> {
    const viewer = await Viewer.open(endpoint);
    viewer.send({ type: 'ticket', ticket: ticketOf(number) });
    expect(await viewer.frames.next()).to.include({ type: 'admitted', sessionId: sessionIdOf(number) });
    return viewer;
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }
}

describe('simulated host', () => {
  const clock = new ManualClock();
  let broker: ScriptedBroker;
  let streams: StreamServer;
  let simulated: SimulatedHost;
  let connection: ScriptedConnection;
  const others: SimulatedHost[] = [];

  function create(change: Partial<SimulatedHostOptions> = {}): SimulatedHost {
    return createSimulatedHost({
      streams,
      url: broker.url,
      token: 'token-of-host-1-in-these-tests',
      ...ADDRESS,
      slots: 2,
      load: { spread: 0, noise: 0, stallsPerHour: 0 },
      reconnectPolicy: { nextRetryDelayInMs: () => 100 },
      clock,
      ...change,
    });
  }

  /** Advances the time while the host still receives frames of its broker. */
  async function pass(durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 4_000) {
      await connection.ping();
      clock.advance(Math.min(leftMs, 4_000));
    }
  }

  async function stateOf(): Promise<string> {
    const { state, reason } = await connection.next('session');
    return reason === undefined ? state : `${state} ${reason}`;
  }

  beforeEach(async () => {
    broker = await ScriptedBroker.start();
    streams = await createStreamServer({ clock });
    simulated = create();
    connection = await broker.connections.next();
    await connection.accept();
    await simulated.host.whenRegistered();
    await connection.next('heartbeat');
  });

  afterEach(async () => {
    for (const host of [simulated, ...others.splice(0)]) await host.crash();
    await streams.close();
    await broker.stop();
    expect(clock.pending, 'timers left behind').to.equal(0);
  });

  it('registers an endpoint of the shared server that contains the host id', () => {
    expect(simulated.endpoint).to.equal(`ws://127.0.0.1:${streams.port}/stream/dublin/pc-rtx/host-1`);
  });

  it('admits a ticket, counts once a second, and ends when the client sends bye', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    expect([await stateOf(), await stateOf()]).to.deep.equal(['active', 'connected']);
    clock.advance(3_000);
    for (const n of [1, 2, 3])
      expect(await viewer.frames.next()).to.deep.equal({ type: 'frame', n, count: n });
    expect(viewer.frames.unread).to.be.empty;
    viewer.send({ type: 'bye' });
    expect(await stateOf()).to.equal('ended client_left');
    expect(await viewer.closed).to.equal(1000);
    expect(simulated.stats).to.deep.equal({
      admitted: 1,
      refused: 0,
      overbooked: 0,
      ended: { client_left: 1 },
      checkpoints: 0,
      restored: 0,
      moved: 0,
      resumed: 0,
      sessions: 0,
    });
  });

  it('refuses invalid and repeated tickets with the reason, and closes', async () => {
    await Viewer.watch(simulated.endpoint, 1);
    for (const [ticket, reason] of [
      [ticketOf(1), 'already_claimed'],
      [signTicket({ key: keyOf('host-2') }), 'bad_signature'],
      ['x', 'bad_signature'],
    ]) {
      const viewer = await Viewer.open(simulated.endpoint);
      viewer.send({ type: 'ticket', ticket });
      expect(await viewer.frames.next()).to.deep.equal({ type: 'refused', reason });
      expect(await viewer.closed).to.equal(1000);
    }
    expect(simulated.stats).to.include({ admitted: 1, refused: 3, sessions: 1 });
  });

  it('admits a lost client again with the same ticket, and continues its count', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    clock.advance(1_000);
    await viewer.frames.next(({ type }) => type === 'frame');
    viewer.socket.terminate();
    expect([await stateOf(), await stateOf(), await stateOf()]).to.deep.equal([
      'active',
      'connected',
      'disconnected',
    ]);
    await pass(119_000);
    const back = await Viewer.watch(simulated.endpoint, 1);
    expect([await stateOf(), await stateOf()]).to.deep.equal(['active', 'connected']);
    await pass(240_000);
    expect(await back.frames.next()).to.deep.equal({ type: 'frame', n: 1, count: 2 });
    expect(simulated.stats).to.include({ admitted: 2, sessions: 1 });
  });

  it('admits a client with a newer ticket, closes the stream of the former one, and continues the count', async () => {
    const tv = await Viewer.watch(simulated.endpoint, 1);
    clock.advance(1_000);
    await tv.frames.next(({ type }) => type === 'frame');
    const phone = await Viewer.open(simulated.endpoint);
    phone.send({ type: 'ticket', ticket: signTicket({ claims: { seq: 1 } }) });
    expect(await phone.frames.next()).to.include({ type: 'admitted', sessionId: sessionIdOf(1) });
    expect(await tv.frames.next()).to.deep.equal({ type: 'ended', reason: 'superseded' });
    expect(await tv.closed).to.equal(1000);
    clock.advance(1_000);
    expect(await phone.frames.next()).to.deep.equal({ type: 'frame', n: 1, count: 2 });
    const states = ['active', 'connected', 'disconnected', 'active', 'connected'];
    for (const state of states) expect(await stateOf()).to.equal(state);
    expect(simulated.stats).to.include({ admitted: 2, overbooked: 0, sessions: 1 });
    expect(simulated.stats.ended).to.deep.equal({});
  });

  it('ends a session whose client does not reconnect', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    viewer.socket.terminate();
    await connection.frames.next((frame) => frame.type === 'session' && frame.state === 'disconnected');
    await pass(121_000);
    const ended = await connection.frames.next(
      (frame) => frame.type === 'session' && frame.state === 'ended',
    );
    expect(ended).to.include({ reason: 'reconnect_expired' });
    expect(simulated.stats).to.deep.include({ ended: { reconnect_expired: 1 }, sessions: 0 });
  });

  it('notifies the client when the broker ends its session', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    connection.send({ type: 'end', sessionId: sessionIdOf(1), epoch: 1, reason: 'drain_deadline' });
    expect(await viewer.frames.next()).to.deep.equal({ type: 'ended', reason: 'drain_deadline' });
    expect(await viewer.closed).to.equal(1000);
    expect(simulated.stats).to.deep.include({ ended: { drain_deadline: 1 }, sessions: 0 });
  });

  it('keeps streaming while the broker is unreachable', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    connection.terminate();
    await broker.stop();
    clock.advance(2_000);
    await viewer.frames.next((frame) => frame.type === 'frame' && frame.n === 2);
  });

  it('treats everybody who watches as an active player, except those marked as idle', async () => {
    const idle = new Set([sessionIdOf(2)]);
    const other = create({ hostId: 'host-2', isIdle: ({ sessionId }) => idle.has(sessionId) });
    others.push(other);
    const second = await broker.connections.next();
    await second.next('register');
    second.sendRegistered('host-2');
    await other.host.whenRegistered();
    const limits = { idleMs: 60_000, warnBeforeMs: [] };
    second.send(prepareOf(1, { limits }), prepareOf(2, { limits }));
    await second.ping();
    for (const number of [1, 2]) {
      const aud = 'host:dublin/pc-rtx/host-2';
      const viewer = await Viewer.open(other.endpoint);
      viewer.send({ type: 'ticket', ticket: signTicket({ claims: { sid: sessionIdOf(number), aud } }) });
      expect(await viewer.frames.next()).to.include({ type: 'admitted' });
    }
    second.terminate();
    clock.advance(60_000);
    expect(other.stats).to.deep.include({ ended: { idle: 1 }, sessions: 1 });
    idle.add(sessionIdOf(1));
    clock.advance(61_000);
    expect(other.stats).to.deep.include({ ended: { idle: 2 }, sessions: 0 });
  });

  const badFrames: Record<string, string | Buffer> = {
    'text that is not JSON': 'hello',
    null: 'null',
    'an array': '[]',
    'a type that does not exist': '{"type":"pause"}',
    'a ticket that is not text': '{"type":"ticket","ticket":7}',
    'a binary frame': Buffer.from('{"type":"bye"}'),
    'bye before a ticket': '{"type":"bye"}',
  };
  for (const [what, frame] of Object.entries(badFrames)) {
    it(`closes the socket of a client that sends ${what}, and serves the others`, async () => {
      const watching = await Viewer.watch(simulated.endpoint, 1);
      const viewer = await Viewer.open(simulated.endpoint);
      viewer.socket.send(frame);
      expect(await viewer.closed).to.equal(1008);
      clock.advance(1_000);
      await watching.frames.next(({ type }) => type === 'frame');
    });
  }

  it('treats an invalid frame of an admitted client as a lost stream', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    viewer.send({ type: 'ticket', ticket: ticketOf(1) });
    expect(await viewer.closed).to.equal(1008);
    expect(simulated.host.sessions().map(({ state }) => state)).to.deep.equal(['disconnected']);
  });

  it('closes the socket of a client that sends too much', async () => {
    const viewer = await Viewer.open(simulated.endpoint);
    viewer.send({ type: 'ticket', ticket: 'x'.repeat(20_000) });
    expect(await viewer.closed).to.equal(1009);
  });

  it('does not wait forever for a ticket', async () => {
    const viewer = await Viewer.open(simulated.endpoint);
    await pass(5_200);
    expect(await viewer.closed).to.equal(1008);
  });

  it('refuses connections for unknown hosts', async () => {
    const socket = new WebSocket(simulated.endpoint.replace('host-1', 'host-9'));
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).to.include('404');
  });

  it('reports the load of its sessions, and nothing during a pause', async () => {
    await Viewer.watch(simulated.endpoint, 1);
    await pass(20_000);
    const beat = await connection.frames.next((frame) => frame.type === 'heartbeat' && frame.load.gpu > 0.44);
    expect(beat).to.have.nested.property('sessions.length', 1);
    await connection.ping();
    while (connection.frames.unread.length > 0) await connection.frames.next();
    simulated.stall(7_000);
    await pass(6_000);
    await connection.ping();
    expect(connection.frames.unread).to.be.empty;
    clock.advance(2_000);
    await connection.next('heartbeat');
  });

  it('counts reservations beyond its slots', async () => {
    connection.send(prepareOf(1), prepareOf(2));
    await connection.ping();
    expect(simulated.stats.overbooked).to.equal(0);
    connection.send(prepareOf(3));
    await connection.ping();
    expect(simulated.stats.overbooked).to.equal(1);
    await pass(32_000);
    expect(simulated.stats).to.deep.include({ ended: { reservation_expired: 3 } });
    await Viewer.watch(simulated.endpoint, 4);
    await Viewer.watch(simulated.endpoint, 5);
    expect(simulated.stats).to.include({ overbooked: 1, sessions: 2 });
  });

  it('ends its sessions with host_ended when it leaves, and notifies their clients', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    const left = simulated.leave();
    await connection.next('leave');
    expect(await viewer.frames.next()).to.deep.equal({ type: 'ended', reason: 'host_ended' });
    expect(await viewer.closed).to.equal(1000);
    expect(await connection.closed).to.equal(1000);
    await left;
    expect(simulated.stats).to.deep.include({ ended: { host_ended: 1 }, sessions: 0 });
  });

  it('cuts every socket when it crashes, and notifies no client', async () => {
    const viewer = await Viewer.watch(simulated.endpoint, 1);
    expect([await stateOf(), await stateOf()]).to.deep.equal(['active', 'connected']);
    await simulated.crash();
    expect(await viewer.closed).to.equal(1006);
    expect(await connection.closed).to.equal(1006);
    expect(connection.frames.unread).to.be.empty;
    expect(viewer.frames.unread).to.be.empty;
  });

  it('shares its port with other hosts, each with its own key and path', async () => {
    const other = create({ hostId: 'host-2' });
    others.push(other);
    const second = await broker.connections.next();
    await second.next('register');
    second.sendRegistered('host-2', {}, keyOf('host-2'));
    await other.host.whenRegistered();
    const viewer = await Viewer.open(other.endpoint);
    viewer.send({ type: 'ticket', ticket: ticketOf(1) });
    expect(await viewer.frames.next()).to.deep.equal({ type: 'refused', reason: 'bad_signature' });
    expect(() => create({ hostId: 'host-2' })).to.throw(/host-2/);
    const { region, pool } = ADDRESS;
    const generated = createSimulatedHost({
      region,
      pool,
      streams,
      url: broker.url,
      token: 't'.repeat(16),
      slots: 1,
      clock,
    });
    others.push(generated);
    expect(generated.hostId).to.match(/^sim-[0-9a-f-]{36}$/);
  });
});
