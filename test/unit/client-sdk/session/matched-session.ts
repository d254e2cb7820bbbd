import type { ClientOptions, Session } from '@duskline/client/node';
import type { Fixture, Fixtures } from '../fixture.js';
import { EventBuffer } from '../../../support/event-buffer.js';
import type { ScriptedConnection } from '../scripted-broker.js';

export const REQUEST_ID = 'request-1';

export interface Playing extends Fixture {
  readonly end: ScriptedConnection;
  readonly session: Session;
  readonly events: EventBuffer<string>;
}

/** Sessions of connected clients. */
export function sessionStarter(fixtures: Fixtures): (options?: Partial<ClientOptions>) => Promise<Playing> {
  return async (options = {}) => {
    const pair = await fixtures.pair(options);
    const asked = pair.client.play({ title: 'tetris', rtt: { dublin: 12.5 }, requestId: REQUEST_ID });
    const end = await pair.broker.welcome();
    await end.next('play');
    end.match(REQUEST_ID);
    const session = await asked;
    const events = new EventBuffer<string>('event of the session');
    session.on('state', (state) => events.add(state));
    session.on('replaced', ({ hostId }) => events.add(`replaced by ${hostId}`));
    session.on('ended', (reason) => events.add(`ended: ${reason}`));
    return { ...pair, end, session, events };
  };
}

/** Drops the connection. Resolves with the next one after its welcome. */
export async function lose({ end, broker, statuses }: Playing): Promise<ScriptedConnection> {
  end.drop();
  await statuses.next(({ state }) => state === 'waiting');
  const next = await broker.welcome();
  await statuses.next(({ state }) => state === 'ready');
  return next;
}
