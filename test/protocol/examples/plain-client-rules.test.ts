import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseClientMessage } from '@duskline/protocol/validation';
import {
  OTHER_SESSION_ID,
  SESSION_ID,
  ScriptedBroker,
  aRegion,
  type ScriptedConnection,
} from '../../unit/client-sdk/scripted-broker.js';

const SCRIPT = fileURLToPath(new URL('../../../../examples/plain-client.mjs', import.meta.url));
const TOKEN = 'the-token-of-the-plain-client';
const REGIONS = [aRegion('dublin')];

/** What `PROTOCOL.md` demands of clients, shown by the messages of the example against a broker that a test plays. */
describe('The rules of PROTOCOL.md for clients, in the plain client', function () {
  this.timeout(20_000);
  let broker: ScriptedBroker;
  let client: ChildProcess;
  let lines: AsyncIterator<string>;
  let exited: Promise<unknown[]>;
  beforeEach(async () => {
    broker = await ScriptedBroker.start();
  });

  function start(): void {
    const child = spawn(process.execPath, [SCRIPT, broker.url, 'starfall'], {
      env: { ...process.env, DUSKLINE_TOKEN: TOKEN },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    client = child;
    lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    exited = once(child, 'exit');
  }

  afterEach(async () => {
    client.kill('SIGKILL');
    const all = broker.connections.all.flatMap(({ frames }) => frames.all);
    for (const frame of all) expect(parseClientMessage(JSON.stringify(frame))).to.include({ ok: true });
    await broker.stop();
  });

  const line = async (): Promise<string> => String((await lines.next()).value);

  /** Answers `hello`, and returns the id of the `play` that follows. */
  async function nextPlay(): Promise<{ broker: ScriptedConnection; requestId: string; wait: unknown }> {
    const connection = await broker.welcome({ regions: REGIONS });
    const { requestId, wait } = await connection.next('play');
    return { broker: connection, requestId, wait };
  }

  it('says which regions it could not measure', async () => {
    start();
    const connection = await broker.welcome({ regions: REGIONS });
    expect(await connection.next('play')).to.deep.include({ title: 'starfall', rtt: { dublin: null } });
  });

  it('ignores unknown types and fields, lower epochs, and sessions that it does not know', async () => {
    start();
    const { broker: connection, requestId } = await nextPlay();
    connection.send({ type: 'weather', requestId, sky: 'clear' });
    connection.send({ type: '__proto__', requestId });
    connection.match(requestId, { epoch: 3, more: 1 } as object);
    expect(await line()).to.include(`matched ${SESSION_ID}`);
    connection.match(requestId, { epoch: 2 });
    connection.session({ epoch: 2, state: 'ended', reason: 'superseded' });
    connection.session({ sessionId: OTHER_SESSION_ID, epoch: 9, state: 'ended', reason: 'idle' });
    connection.session({ epoch: 4, state: 'active' });
    expect(await line()).to.equal(`session ${SESSION_ID} active `);
    connection.session({ epoch: 3, state: 'connected' });
    connection.session({ epoch: 4, state: 'ended', reason: 'idle' });
    expect(await line()).to.equal(`session ${SESSION_ID} ended idle`);
    expect(await exited).to.deep.equal([0, null]);
    expect(await connection.closes.next()).to.equal(1000);
  });

  it('repeats its request with the same id, and only to find its session once it has one', async () => {
    start();
    const first = await nextPlay();
    expect(first.wait).to.equal(true);
    first.broker.drop();
    const second = await nextPlay();
    expect(second).to.include({ requestId: first.requestId, wait: true });
    second.broker.match(first.requestId);
    await line();
    second.broker.drop();
    const third = await nextPlay();
    expect(third).to.include({ requestId: first.requestId, wait: false });
    third.broker.match(first.requestId, { sessionId: OTHER_SESSION_ID });
    expect(await third.broker.next('end')).to.include({ sessionId: OTHER_SESSION_ID });
  });

  it('asks again after the time that a retryable error names, and gives up after any other', async () => {
    start();
    const { broker: connection, requestId } = await nextPlay();
    const askedAt = performance.now();
    connection.error({ code: 'QUEUE_FULL', requestId, retryable: true, retryAfterMs: 300 });
    expect(await connection.next('play')).to.include({ requestId });
    expect(performance.now() - askedAt).to.be.at.least(299);
    connection.error({ code: 'TIMED_OUT', requestId });
    expect(await exited).to.deep.equal([0, null]);
    expect(broker.connections.all).to.have.length(1);
  });

  it('cancels its request when the player leaves, on the next connection too', async () => {
    start();
    const { broker: connection, requestId } = await nextPlay();
    connection.queued(requestId);
    await line();
    client.kill('SIGINT');
    expect(await connection.next('cancel')).to.include({ requestId });
    connection.drop();
    const next = await broker.welcome({ regions: REGIONS });
    expect(await next.next('cancel')).to.include({ requestId });
    next.error({ code: 'CANCELLED', requestId });
    expect(await exited).to.deep.equal([0, null]);
    expect(await next.receivedTypes()).to.not.include('play');
  });

  it('does not connect before the time that a refused upgrade names', async () => {
    broker.refusal = { status: 503, headers: { 'Retry-After': '1' } };
    start();
    const refusedAt = await broker.refusals.next();
    broker.refusal = undefined;
    await broker.accept();
    expect(performance.now() - refusedAt).to.be.at.least(999);
  });

  it('shows an early token again at the time that the error names', async () => {
    start();
    const first = await broker.accept();
    await first.next('hello');
    const earlyAt = performance.now();
    first.error({ code: 'TOKEN_NOT_YET_VALID', retryable: true, retryAfterMs: 400 });
    first.close(4401);
    const second = await broker.accept();
    expect(performance.now() - earlyAt).to.be.at.least(399);
    expect((await second.next('hello')).token).to.equal(TOKEN);
  });

  for (const [code, closeCode] of [
    ['UNAUTHENTICATED', 4401],
    ['FORBIDDEN', 4403],
  ] as const) {
    it(`does not connect again after ${code}`, async () => {
      start();
      const connection = await broker.accept();
      connection.error({ code });
      connection.close(closeCode);
      expect(await exited).to.deep.equal([0, null]);
    });
  }

  it('does not connect again to a path or a sub-protocol that does not exist', async () => {
    broker.refusal = { status: 404, headers: {} };
    start();
    expect(await exited).to.deep.equal([0, null]);
  });
});
