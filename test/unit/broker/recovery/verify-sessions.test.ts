import { toStoreMs } from '@duskline/server/domain/store-time.js';
import type { Device, Matched, Play } from '@duskline/protocol';
import { ClientSessionDirectory } from '@duskline/server/broker/connections/client-session-directory.js';
import { ClientConnection, ConnectionDirectory } from '@duskline/server/broker/connections/connections.js';
import type { ClientSessionRunner } from '@duskline/server/broker/connections/ports.js';
import { SESSION_GROUPS, groupOfSession } from '@duskline/server/broker/connections/sessions-in-groups.js';
import { createClientSessionRunner } from '@duskline/server/broker/messaging/client-session-runner.js';
import { createSessionVerifier } from '@duskline/server/broker/recovery/verify-sessions.js';
import type { Reservation, SessionRecord } from '@duskline/server/store/fleet-store.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { REGION_POOL, metaOf, newSessionId } from '../../../support/fleet/fleet-data.js';
import { ManualClock } from '../../../support/time/manual-clock.js';

type VerifierContext = Parameters<typeof createSessionVerifier>[0];

function newClient(): ClientConnection {
  const channel = { connectionId: 'c', open: true, send: () => undefined, closeWith: () => undefined };
  const device: Device = { kind: 'pc', codecs: ['h264'], maxResolution: '1080p' };
  return new ClientConnection({ channel, playerId: 'p', tier: 'standard', device, resumed: false });
}

/** A broker whose clients come and go between rounds of verification. */
class BrokerWithChurn {
  readonly connections = new ConnectionDirectory();
  readonly clientSessions = new ClientSessionDirectory(60_000, new ManualClock());
  readonly sessionRunner: ClientSessionRunner;
  readonly verifyRound: (isRecovering: boolean) => Promise<void>;
  readonly clients = new Map<string, ClientConnection>();
  /** Sessions that the store was asked for in the last round. */
  verified: string[] = [];
  isStoreReachable = true;

  constructor() {
    const restoreSessions = async (
      _: unknown,
      sessions: readonly Reservation[],
    ): Promise<SessionRecord[]> => {
      if (!this.isStoreReachable) throw new Error('The store is unreachable.');
      this.verified.push(...sessions.map(({ sessionId }) => sessionId));
      const record = {
        state: 'connected',
        hostId: 'h',
        reservedAtMs: toStoreMs(0),
        seq: 0,
        movable: false,
        reason: null,
      } as const;
      return sessions.map((session) => ({ ...record, ...session }));
    };
    const ports = {
      brokerId: 'b',
      connections: this.connections,
      clientSessions: this.clientSessions,
      clock: new ManualClock(),
      storeHealth: { isRebuilding: false },
      store: { restoreSessions },
    } as unknown as VerifierContext;
    this.sessionRunner = createClientSessionRunner(ports);
    this.verifyRound = createSessionVerifier({ ...ports, sessionRunner: this.sessionRunner });
  }

  join(sessionId: string): void {
    const client = newClient();
    this.clients.set(sessionId, client);
    this.connections.addClient(client);
    const assignment = {
      regionPool: REGION_POOL,
      request: { requestId: 'r' } as Play,
      meta: metaOf(sessionId),
      hostId: 'h',
      seq: 0,
      arrivedAtMs: null,
      reservedUntilMs: 0,
      epoch: 1,
    };
    const message = { type: 'matched', sessionId } as Matched;
    this.sessionRunner.match(client, sessionId, { assignment, message, earlierSession: undefined });
  }

  leave(sessionId: string): void {
    const client = this.clients.get(sessionId)!;
    this.connections.removeClient(client);
    for (const session of [...client.sessions.values()])
      this.sessionRunner.dispatch(session, { type: 'disconnected' });
    this.clients.delete(sessionId);
  }
}

interface Churn {
  readonly joins: number;
  /** Share of the sessions just verified that end, and of all others. The worst churn ends only sessions that were verified. */
  readonly endsVerified: number;
  readonly endsOthers: number;
  /** Share of the clients that connect again. */
  readonly reconnects: number;
}

const share = fc.constantFrom(0, 0.05, 0.5, 1);
const churn: fc.Arbitrary<Churn> = fc.record({
  joins: fc.constantFrom(0, 1, 5, 40),
  endsVerified: share,
  endsOthers: fc.constantFrom(0, 0, 0.03, 0.3),
  reconnects: fc.constantFrom(0, 0, 0.1, 1),
});

describe('The verification of sessions', () => {
  it('verifies every session within 30 rounds, whichever others begin, end and reconnect', async function () {
    this.timeout(30_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(churn, { minLength: 70, maxLength: 70 }),
        fc.integer({ min: 0, max: 300 }),
        async (rounds, atStart) => {
          const broker = new BrokerWithChurn();
          /** Rounds since each session was verified, or began. */
          const waits = new Map<string, number>();
          const begin = (): void => {
            const sessionId = newSessionId();
            broker.join(sessionId);
            waits.set(sessionId, 0);
          };
          for (let i = 0; i < atStart; i += 1) begin();
          for (const { joins, endsVerified, endsOthers, reconnects } of rounds) {
            broker.verified = [];
            await broker.verifyRound(false);
            const verified = new Set(broker.verified);
            expect(broker.verified, 'each once').to.have.length(verified.size);
            for (const [sessionId, rounds] of waits)
              waits.set(sessionId, verified.has(sessionId) ? 0 : rounds + 1);
            for (const [sessionId, rounds] of waits) expect(rounds, sessionId).to.be.below(SESSION_GROUPS);
            let number = 0;
            for (const sessionId of [...waits.keys()]) {
              number += 1;
              const ends = (number * 0.618) % 1 < (verified.has(sessionId) ? endsVerified : endsOthers);
              if (ends) waits.delete(sessionId);
              if (ends || (number * 0.414) % 1 < reconnects) broker.leave(sessionId);
              if (!ends && !broker.clients.has(sessionId)) broker.join(sessionId);
            }
            for (let i = 0; i < joins; i += 1) begin();
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('verifies about as many sessions in each round', () => {
    const counts = Array.from({ length: SESSION_GROUPS }, () => 0);
    for (let i = 0; i < 3_000; i += 1) counts[groupOfSession(newSessionId())]! += 1;
    expect(Math.max(...counts)).to.be.below(200);
    expect(Math.min(...counts)).to.be.above(30);
  });

  it('repeats a round that failed', async () => {
    const broker = new BrokerWithChurn();
    const sessionIds = Array.from({ length: 300 }, newSessionId);
    for (const sessionId of sessionIds) broker.join(sessionId);
    broker.isStoreReachable = false;
    for (let i = 0; i < 3; i += 1) await broker.verifyRound(false).catch(() => undefined);
    broker.isStoreReachable = true;
    for (let i = 0; i < SESSION_GROUPS; i += 1) await broker.verifyRound(false);
    expect(broker.verified).to.have.members(sessionIds);
  });
});
