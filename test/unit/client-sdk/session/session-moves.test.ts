import { inspect } from 'node:util';
import { expect } from 'chai';
import { Fixtures } from '../fixture.js';
import { ManualClock } from '../../../support/time/manual-clock.js';
import { OTHER_SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { REQUEST_ID, aMove, lose, movableSessions } from './movable-session.js';

describe('client: sessions that move', () => {
  const fixtures = new Fixtures();
  const { playing, moving } = movableSessions(fixtures);
  afterEach(() => fixtures.stop());

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

  it('continue on the target host once it admits the client: one event, with all fields new', async () => {
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

  it('send signals to the host they were meant for, and drop those that waited for the old one', async () => {
    const all = await moving();
    all.session.signal('to the source host');
    expect(await all.end.next('signal')).to.include({ data: 'to the source host' });
    const next = await lose(all);
    all.session.signal('too late for the source host');
    all.session.on('moved', () => all.session.signal('to the target host'));
    all.attempt.letIn();
    next.match(REQUEST_ID, { epoch: 2, host: aMove().host });
    expect(await next.next('signal')).to.include({ data: 'to the target host' });
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
