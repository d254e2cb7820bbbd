import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

const REGION_POOL = { region: 'near', pool: 'console-x' };
/** Each session is verified once in this time. */
const ROUND_MS = 30_000;

describe('The periodic verification of sessions', () => {
  let fleet: ManualFleet;
  let host: ManualHost;
  let players: { readonly player: ManualPlayer; readonly sessionId: string }[];

  beforeEach(async () => {
    fleet = await ManualFleet.start();
    host = await fleet.host({ hostId: 'h1', slots: 40 });
    players = [];
    for (let i = 0; i < 40; i += 1) {
      const player = fleet.player(`p${i}`);
      player.play('r1');
      await fleet.clock.settle();
      const { sessionId } = player.take('matched') as unknown as { sessionId: string };
      host.claim(sessionId);
      players.push({ player, sessionId });
    }
    await fleet.clock.elapse(100);
    for (const { player } of players) player.channel.skip();
  });
  afterEach(() => fleet.stop());

  it('asks for every session once in half a minute', async () => {
    const asked: string[] = [];
    const { restoreSessions } = fleet.store;
    fleet.store.restoreSessions = (regionPool, sessions) => {
      asked.push(...sessions.map(({ sessionId }) => sessionId));
      return restoreSessions(regionPool, sessions);
    };
    await fleet.clock.elapse(ROUND_MS);
    expect(asked).to.have.members(players.map(({ sessionId }) => sessionId));
  });

  it('ends a session that the store did not know in two checks, and no other', async () => {
    // The message about the end of this session was lost, and the store has deleted its record.
    const { player, sessionId } = players[0]!;
    host.sessions.delete(sessionId);
    await fleet.store.endSessions(REGION_POOL, [{ sessionId, epoch: 1, reason: 'host_ended' }], 'b0');
    fleet.store.poolState(REGION_POOL).deleteSession(sessionId);
    await fleet.clock.elapse(ROUND_MS);
    expect(player.channel.unread).to.deep.equal([]);
    await fleet.clock.elapse(ROUND_MS + 1_000);
    expect(player.take('session')).to.include({ sessionId, state: 'ended', reason: 'host_lost' });
    for (const other of players.slice(1)) expect(other.player.channel.unread).to.deep.equal([]);
  });
});
