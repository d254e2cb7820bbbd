import { expect } from 'chai';
import { Fixtures } from '../fixture.js';
import { SESSION_ID } from '../scripted-broker.js';
import { nextTurn } from '../../../support/time/event-loop.js';
import { REQUEST_ID, aMove, lose, movableSessions } from './movable-session.js';

describe('client: sessions that move', () => {
  const fixtures = new Fixtures();
  const { moving } = movableSessions(fixtures);
  afterEach(() => fixtures.stop());

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

    it('continue the move when they are still on the source host', async () => {
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
      for (const isAdmitted of [true, false]) {
        const all = await moving();
        if (isAdmitted) {
          all.attempt.refuse();
          await all.end.next('stay');
        }
        const next = await lose(all);
        if (!isAdmitted) all.attempt.refuse();
        expect(await next.receivedTypes()).to.deep.equal(['hello', 'play']);
        next.match(REQUEST_ID);
        expect(await next.next('stay')).to.deep.equal({ type: 'stay', sessionId: SESSION_ID, epoch: 2 });
      }
    });
  });
});
