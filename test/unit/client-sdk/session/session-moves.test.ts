import { inspect } from 'node:util';
import type { ClientOptions, Session, SessionMove } from '@duskline/client/node';
import type { Moving } from '@duskline/protocol';
import { expect } from 'chai';
import { Fixtures, type Fixture } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { ManualClock } from '../manual-clock.js';
import { OTHER_SESSION_ID, SESSION_ID, aMatch, type ScriptedConnection } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';

const REQUEST_ID = 'request-1';

/** What the application does about a move: it is let in, or refused. */
interface Attempt {
  readonly move: SessionMove;
  readonly letIn: () => void;
  readonly refuse: () => void;
}

interface Playing extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
  readonly events: EventBuffer<string>;
  readonly attempts: EventBuffer<Attempt>;
}

function aMove(epoch = 2, fields: Partial<Moving> = {}): Moving {
  return {
    ...aMatch(REQUEST_ID),
    type: 'moving',
    epoch,
    region: 'paris',
    host: { hostId: `host-${epoch}`, endpoint: `wss://host-${epoch}.example/stream` },
    ticket: `secret-ticket-${epoch}`,
    claimWithinMs: 5_000,
    reason: 'dublin is being drained.',
    ...fields,
  };
}

describe('client: sessions that move', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  /** A session whose stream runs; its application follows every move. */
  async function playing(options: Partial<ClientOptions> = {}): Promise<Playing> {
    const pair = await fixtures.pair(options);
    const attempts = new EventBuffer<Attempt>('move that the application is asked to follow');
    const asked = pair.client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onMove: (move) =>
        new Promise((resolve, reject) => {
          const refuse = (): void => reject(new Error(`wss://host.example/?ticket=${move.ticket}`));
          attempts.add({ move, letIn: resolve, refuse });
        }),
    });
    const end = await pair.broker.welcome();
    expect(await end.next('play')).to.include({ canMove: true });
    end.match(REQUEST_ID);
    end.session({ state: 'connected' });
    const session = await asked;
    const events = new EventBuffer<string>('event of the session');
    session.on('state', (state) => events.add(state));
    session.on('moved', ({ hostId }) => events.add(`moved to ${hostId}`));
    session.on('replaced', ({ hostId }) => events.add(`replaced by ${hostId}`));
    session.on('signalLost', ({ code }) => events.add(code));
    session.on('ended', (reason) => events.add(`ended: ${reason}`));
    if (session.state === 'reserved') await events.next();
    return { ...pair, end, session, events, attempts };
  }

  /** The same, on its way to another host. */
  async function moving(options: Partial<ClientOptions> = {}): Promise<Playing & { attempt: Attempt }> {
    const all = await playing(options);
    all.end.session({ state: 'moving' });
    all.end.send(aMove());
    expect(await all.events.next((event) => event === 'moving')).to.equal('moving');
    return { ...all, attempt: await all.attempts.next() };
  }

  /** Loses the socket, and gives the next connection, on which the request is repeated. */
  async function lose({ end, broker, statuses }: Playing): Promise<ScriptedConnection> {
    end.drop();
    await statuses.next(({ state }) => state === 'waiting');
    const next = await broker.welcome();
    expect(await next.next('play')).to.include({ canMove: true, wait: false });
    return next;
  }

  it('are not announced as movable by an application without onMove', async () => {
    const { broker, client } = await fixtures.pair();
    const asked = client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await broker.welcome();
    expect(await end.next('play')).not.to.have.property('canMove');
    end.match(REQUEST_ID);
    const session = await asked;
    const replaced = new Promise((resolve) => session.on('replaced', resolve));
    end.send(aMove());
    end.session({ epoch: 2, state: 'active' });
    await end.next('play');
    end.match(REQUEST_ID, { epoch: 2 });
    await replaced;
    expect(await end.receivedTypes()).not.to.include('stay');
  });

  it('continue on the new host once it admits the client: one event, with all fields new', async () => {
    const { end, session, events, attempt } = await moving();
    const { move } = attempt;
    const { host, stream, reason } = aMove();
    expect(move).to.include({ epoch: 2, region: 'paris', pool: 'pc-high', claimWithinMs: 5_000, reason });
    expect(move.ticket).to.equal('secret-ticket-2');
    expect([move.host, move.stream]).to.deep.equal([host, stream]);
    expect(session, 'until it has moved').to.include({ state: 'moving', epoch: 1, region: 'dublin' });
    expect(session.ticket).to.equal('secret-ticket-1');
    attempt.letIn();
    await nextTurn();
    end.session({ epoch: 2, state: 'active' });
    expect(await events.next((event) => event === 'active')).to.equal('active');
    expect(events.all.slice(-3)).to.deep.equal(['moving', 'moved to host-2', 'active']);
    expect(session).to.include({ state: 'active', epoch: 2, region: 'paris', ticket: 'secret-ticket-2' });
    expect(session.host).to.deep.equal(host);
    end.session({ epoch: 1, state: 'ended', reason: 'superseded' });
    end.session({ epoch: 2, state: 'connected' });
    expect(await events.next((event) => event === 'connected')).to.equal('connected');
    expect(move.signal.aborted).to.be.false;
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
  });

  it('move when the broker reports it first, and the application is notified when it has arrived', async () => {
    const { end, session, events, attempt } = await moving();
    end.session({ epoch: 2, state: 'active' });
    expect(await events.next((event) => event === 'active')).to.exist;
    expect(session).to.include({ epoch: 2, region: 'paris', ticket: 'secret-ticket-2' });
    expect(events.all).not.to.include('moved to host-2');
    attempt.letIn();
    expect(await events.next((event) => event === 'moved to host-2')).to.exist;
    expect(attempt.move.signal.aborted).to.be.false;
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
  });

  it('are reported as replaced when the application fails to arrive, or not in time, after the move', async () => {
    const { end, events, attempt } = await moving();
    end.session({ epoch: 2, state: 'active' });
    await events.next((event) => event === 'active');
    attempt.refuse();
    expect(await events.next((event) => event === 'replaced by host-2')).to.exist;
    expect(attempt.move.signal.aborted).to.be.true;
    expect(await end.receivedTypes(), 'nothing is left to refuse').to.deep.equal(['hello', 'play']);

    const clock = new ManualClock();
    const late = await moving({ clock });
    late.end.session({ epoch: 2, state: 'active' });
    await late.events.next((event) => event === 'active');
    clock.advance(5_000);
    expect(await late.events.next((event) => event === 'replaced by host-2')).to.exist;
  });

  it('report nothing more to an application on its way once the session is over', async () => {
    const { end, events, attempt } = await moving();
    end.session({ epoch: 2, state: 'active' });
    await events.next((event) => event === 'active');
    end.session({ epoch: 2, state: 'ended', reason: 'client_left' });
    expect(await events.next((event) => event === 'ended: client_left')).to.exist;
    expect(attempt.move.signal.aborted).to.be.true;
    attempt.letIn();
    await nextTurn();
    expect(events.all).not.to.include('moved to host-2');
  });

  it('stay when the new host does not admit the client', async () => {
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

  it('have moved when `stay` is answered with NO_MOVE: the client connects to the new host again', async () => {
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

  it('cancel the move when the old host continues', async () => {
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

  it('follow the newest of two moves, and a repeated move once', async () => {
    const { end, session, events, attempt, attempts } = await moving();
    end.send(aMove(2, { ticket: 'secret-ticket-again' }));
    end.send(aMove(4));
    end.send(aMove(3));
    end.send(aMove(1));
    end.send({ ...aMove(5), sessionId: OTHER_SESSION_ID });
    (await attempts.next()).letIn();
    end.session({ epoch: 4, state: 'active' });
    await events.next((event) => event === 'moved to host-4');
    expect(attempts.all.map(({ move }) => move.epoch)).to.deep.equal([2, 4]);
    expect(attempt.move.signal.aborted).to.be.true;
    expect(session.ticket).to.equal('secret-ticket-4');
  });

  it('request their state when their epoch passed the move that they follow', async () => {
    const { end, events, attempt } = await moving();
    end.session({ epoch: 3, state: 'active' });
    await end.next('play');
    expect(attempt.move.signal.aborted).to.be.true;
    end.match(REQUEST_ID, { epoch: 3, host: { hostId: 'host-3', endpoint: 'wss://host-3.example' } });
    await events.next((event) => event === 'replaced by host-3');
  });

  it('are replaced when their host is lost during the move', async () => {
    const { end, events, attempt } = await moving();
    end.match(REQUEST_ID, { epoch: 3, host: { hostId: 'host-3', endpoint: 'wss://host-3.example' } });
    await events.next((event) => event === 'replaced by host-3');
    expect(attempt.move.signal.aborted).to.be.true;
  });

  it('end during the move, and abort it', async () => {
    const { end, session, attempt } = await moving();
    end.session({ state: 'ended', reason: 'operator' });
    expect(await session.ended).to.equal('operator');
    expect(attempt.move.signal.aborted).to.be.true;
    attempt.refuse();
    expect(await end.receivedTypes()).to.deep.equal(['hello', 'play']);
  });

  it('do not follow a move after the player left', async () => {
    const { end, session, attempts } = await playing();
    const ending = session.end();
    await end.next('end');
    end.send(aMove());
    end.session({ state: 'ended', reason: 'client_left' });
    await ending;
    expect(attempts.all).to.be.empty;
  });

  it('abort the move when the client closes', async () => {
    const { client, attempt } = await moving();
    await client.close();
    expect(attempt.move.signal.aborted).to.be.true;
  });

  describe('whose connection is lost during the move', () => {
    for (const when of ['is at', 'is on its way to'] as const) {
      it(`have moved when the match names the host that the client ${when}`, async () => {
        const all = await moving();
        if (when === 'is at') all.attempt.letIn();
        const next = await lose(all);
        const { host } = aMove();
        next.match(REQUEST_ID, { epoch: 2, region: 'paris', host, ticket: 'secret-ticket-renewed' });
        next.session({ epoch: 2, state: 'connected' });
        await all.events.next((event) => event === 'connected');
        all.attempt.letIn();
        await nextTurn();
        const seen = ['moved to host-2', 'connected'];
        expect(all.events.all.slice(-3)).to.deep.equal([
          'moving',
          ...(when === 'is at' ? seen : seen.reverse()),
        ]);
        expect(all.session).to.include({ epoch: 2, ticket: 'secret-ticket-renewed', state: 'connected' });
        expect(all.attempt.move.signal.aborted).to.be.false;
      });
    }

    it('are replaced when the match names the host that the client gave up', async () => {
      const all = await moving();
      all.attempt.refuse();
      await all.end.next('stay');
      const next = await lose(all);
      next.match(REQUEST_ID, { epoch: 2, host: aMove().host, ticket: 'secret-ticket-renewed' });
      await all.events.next((event) => event === 'replaced by host-2');
      expect(await next.receivedTypes()).to.deep.equal(['hello', 'play']);
    });

    it('continue the move when they are still on the old host', async () => {
      const all = await moving();
      const next = await lose(all);
      next.match(REQUEST_ID);
      next.session({ state: 'moving' });
      next.send(aMove(2, { ticket: 'secret-ticket-renewed' }));
      await next.ping();
      all.attempt.letIn();
      next.session({ epoch: 2, state: 'active' });
      await all.events.next((event) => event === 'moved to host-2');
      expect(all.attempts.all).to.have.length(1);
      expect(all.attempt.move.signal.aborted).to.be.false;
    });

    it('send `stay` once the next broker knows the session, again if it was sent before', async () => {
      for (const heard of [true, false]) {
        const all = await moving();
        if (heard) {
          all.attempt.refuse();
          await all.end.next('stay');
        }
        const next = await lose(all);
        if (!heard) all.attempt.refuse();
        expect(await next.receivedTypes()).to.deep.equal(['hello', 'play']);
        next.match(REQUEST_ID);
        expect(await next.next('stay')).to.deep.equal({ type: 'stay', sessionId: SESSION_ID, epoch: 2 });
      }
    });
  });

  it('send signals to the host they were meant for, and drop those that waited for the old one', async () => {
    const all = await moving();
    all.session.signal('to the old host');
    expect(await all.end.next('signal')).to.include({ data: 'to the old host' });
    const next = await lose(all);
    all.session.signal('too late for the old host');
    all.session.on('moved', () => all.session.signal('to the new host'));
    all.attempt.letIn();
    next.match(REQUEST_ID, { epoch: 2, host: aMove().host });
    expect(await next.next('signal')).to.include({ data: 'to the new host' });
  });

  it('never show a ticket when printed or logged', async () => {
    const lines: string[] = [];
    const log = (fields: object, message: string): void =>
      void lines.push(`${message} ${inspect(fields, { depth: 9 })}`);
    const iceServers = [{ urls: ['turn:turn.example'], username: 'u', credential: 'secret-ticket-of-turn' }];
    const all = await playing({ logger: { debug: log, info: log, warn: log, error: log } });
    all.end.send(aMove(2, { iceServers }));
    const { move, refuse } = await all.attempts.next();
    expect(move.iceServers).to.deep.equal(iceServers);
    refuse();
    await all.end.next('stay');
    await all.client.close();
    expect(lines.join('\n')).to.contain('moving').and.not.contain('secret-ticket');
    expect(inspect(move, { depth: 9 }) + JSON.stringify(move)).not.to.contain('secret-ticket');
  });
});
