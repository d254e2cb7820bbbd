import type { ClientOptions, Session, SessionMove } from '@duskline/client/node';
import type { Moving } from '@duskline/protocol';
import { expect } from 'chai';
import type { Fixture, Fixtures } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import { aMatch, type ScriptedConnection } from '../scripted-broker.js';

export const REQUEST_ID = 'request-1';

/** A call of `onMove`, which the test resolves when the host admits the client, or rejects. */
export interface Attempt {
  readonly move: SessionMove;
  readonly letIn: () => void;
  readonly refuse: () => void;
}

export interface Playing extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
  readonly events: EventBuffer<string>;
  readonly attempts: EventBuffer<Attempt>;
}

export function aMove(epoch = 2, fields: Partial<Moving> = {}): Moving {
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

/** Sessions of an application that follows moves. */
export function movableSessions(fixtures: Fixtures): {
  readonly playing: (options?: Partial<ClientOptions>) => Promise<Playing>;
  readonly moving: (options?: Partial<ClientOptions>) => Promise<Playing & { attempt: Attempt }>;
} {
  /** Starts a connected session whose application accepts every move. */
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

  /** Starts a session, and sends its client `moving`. */
  async function moving(options: Partial<ClientOptions> = {}): Promise<Playing & { attempt: Attempt }> {
    const all = await playing(options);
    all.end.session({ state: 'moving' });
    all.end.send(aMove());
    expect(await all.events.next((event) => event === 'moving')).to.equal('moving');
    return { ...all, attempt: await all.attempts.next() };
  }

  return { playing, moving };
}

/** Drops the connection. Resolves with the next one, on which the request is repeated. */
export async function lose({ end, broker, statuses }: Playing): Promise<ScriptedConnection> {
  end.drop();
  await statuses.next(({ state }) => state === 'waiting');
  const next = await broker.welcome();
  expect(await next.next('play')).to.include({ canMove: true, wait: false });
  return next;
}
