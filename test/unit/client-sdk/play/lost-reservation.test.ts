import type { QueueState, Session } from '@duskline/client/node';
import { expect } from 'chai';
import { Fixtures, type Fixture } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';

const REQUEST_ID = 'request-1';

interface Reserved extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
  readonly positions: EventBuffer<QueueState>;
}

describe('client: a session whose reservation was lost', () => {
  const fixtures = new Fixtures();
  afterEach(() => fixtures.stop());

  /** The host has not admitted the player. The reservation is lost, and the request waits again. */
  async function waitingAgain(): Promise<Reserved> {
    const pair = await fixtures.pair();
    const positions = new EventBuffer<QueueState>('position in the queue');
    const asked = pair.client.play({
      title: 'tetris',
      rtt: { dublin: 12.5 },
      requestId: REQUEST_ID,
      onQueued: (state) => positions.add(state),
      onOffer: () => {
        throw new Error('the player has said yes before');
      },
    });
    const end = await pair.broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    const session = await asked;
    end.queued(REQUEST_ID, { position: 1 });
    expect(await positions.next()).to.include({ position: 1, region: 'dublin' });
    expect(session.state).to.equal('reserved');
    return { ...pair, end, session, positions };
  }

  it('accepts the next slot without asking, and emits an event', async () => {
    const { end, session } = await waitingAgain();
    const replaced = new Promise((resolve) => session.on('replaced', resolve));
    end.offer(REQUEST_ID);
    expect(await end.next('accept')).to.include({ requestId: REQUEST_ID });
    end.match(REQUEST_ID, { epoch: 3, ticket: 'secret-ticket-2' });
    await replaced;
    expect(session).to.include({ state: 'reserved', epoch: 3, ticket: 'secret-ticket-2' });
  });

  it('continues when the host had admitted the player after all', async () => {
    const { end, session } = await waitingAgain();
    const active = new Promise((resolve) => session.on('state', resolve));
    end.match(REQUEST_ID);
    end.session({ state: 'active' });
    expect(await active).to.equal('active');
  });

  it('finds its position again on the next connection', async () => {
    const { end, broker, session, positions } = await waitingAgain();
    end.drop();
    const next = await broker.welcome();
    expect(await next.next('play')).to.include({ requestId: REQUEST_ID, wait: false, onConflict: 'fail' });
    next.queued(REQUEST_ID, { position: 2 });
    expect(await positions.next()).to.include({ position: 2 });
    next.offer(REQUEST_ID);
    await next.next('accept');
    next.match(REQUEST_ID, { epoch: 3 });
    next.session({ epoch: 3, state: 'ended', reason: 'idle' });
    expect(await session.ended).to.equal('idle');
  });

  for (const [code, reason] of [
    ['TIMED_OUT', 'reservation_expired'],
    ['NO_CAPACITY', 'host_lost'],
  ] as const) {
    it(`ends with ${reason} after ${code}`, async () => {
      const { end, session } = await waitingAgain();
      end.error({ code, requestId: REQUEST_ID, retryable: code === 'NO_CAPACITY' });
      expect(await session.ended).to.equal(reason);
    });
  }

  it('can be ended with end()', async () => {
    const { end, session } = await waitingAgain();
    const left = session.end();
    await end.next('end');
    end.session({ state: 'ended', reason: 'client_left' });
    end.error({ code: 'CANCELLED', requestId: REQUEST_ID });
    await left;
    expect(await session.ended).to.equal('client_left');
  });
});
