import type { ClientOptions } from '@duskline/client/node';
import type { Fixture, Fixtures } from '../fixture.js';
import { aRegion, type ScriptedConnection } from '../scripted-broker.js';

export const RTT = { dublin: 12.5 };

export interface Connected extends Fixture {
  readonly end: ScriptedConnection;
}

/** Clients that are connected, and have requested nothing yet. */
export function clientConnector(
  fixtures: Fixtures,
): (options?: Partial<ClientOptions>) => Promise<Connected> {
  return async (options = {}) => {
    const pair = await fixtures.pair(options);
    const [end] = await Promise.all([
      pair.broker.welcome({ regions: [aRegion('dublin')] }),
      pair.client.connect(),
    ]);
    return { ...pair, end };
  };
}
