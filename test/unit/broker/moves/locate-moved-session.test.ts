import { toStoreMs } from '@duskline/server/domain/store-time.js';
import { locateMovedSession } from '@duskline/server/broker/moves/client/locate-moved-session.js';
import type { SessionRecord } from '@duskline/server/store/fleet-store.js';
import { expect } from 'chai';
import { metaOf } from '../../../support/fleet/fleet-data.js';

type Arguments = Parameters<typeof locateMovedSession>;

const REGION_POOL = { region: 'near', pool: 'console-x' };

function sessionWith(changes: Partial<SessionRecord>): SessionRecord {
  return {
    sessionId: 's1',
    epoch: 2,
    state: 'active',
    reason: null,
    hostId: 'h2',
    reservedAtMs: toStoreMs(1_000),
    clientBrokerId: 'broker-1',
    seq: 0,
    meta: metaOf('s1'),
    movable: false,
    ...changes,
  };
}

describe('A session that left the host its client knows', () => {
  let warnings: string[];
  let known: Arguments[2];
  let client: Arguments[1];
  let context: Arguments[0];

  beforeEach(() => {
    warnings = [];
    known = { epoch: 1, pendingMove: null, request: { requestId: 'r1' } } as unknown as typeof known;
    client = { playerId: 'alice', sessions: new Map([['s1', known]]) } as unknown as typeof client;
    const record = { sessionId: 's1', regionPool: REGION_POOL, epoch: 2, ageMs: 0 };
    context = {
      brokerId: 'broker-1',
      fleet: { regionPools: [REGION_POOL] },
      limits: { reservationMs: 30_000 },
      log: { warn: (_: unknown, text: string) => warnings.push(text) },
      batches: { findRequest: () => Promise.resolve(record) },
      store: {
        setClientBroker: () => Promise.resolve(sessionWith({})),
        getEndpoints: () => Promise.reject(new Error('the store is unreachable')),
      },
    } as unknown as typeof context;
  });

  const states = [
    {
      what: 'ended there',
      session: sessionWith({ epoch: 1, state: 'ended', reason: 'superseded', hostId: 'h1' }),
    },
    { what: 'is on another host', session: sessionWith({}) },
  ];
  for (const { what, session } of states) {
    it(`and ${what}: is located again at the next report, when its client could not be notified`, async () => {
      const failure = 'could not send a client the new host of its session';
      await locateMovedSession(context, client, known, REGION_POOL, session);
      expect(warnings).to.deep.equal([failure]);
      await locateMovedSession(context, client, known, REGION_POOL, session);
      expect(warnings).to.deep.equal([failure, failure]);
    });
  }
});
