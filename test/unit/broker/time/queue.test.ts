import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

describe('A player who waits', () => {
  let fleet: ManualFleet;
  let holder: ManualPlayer;
  let holderSessionId: string;
  let bob: ManualPlayer;
  let carol: ManualPlayer;

  /** The only slot is taken. Bob waits for it, and Carol behind him. */
  beforeEach(async () => {
    fleet = await ManualFleet.start();
    await fleet.host({ hostId: 'h1', slots: 1 });
    holder = fleet.player('holder');
    holder.play('held');
    await fleet.clock.settle();
    holderSessionId = claimMatch(host(), holder);
    bob = await queueUp('bob');
    carol = await queueUp('carol');
  });
  afterEach(() => fleet.stop());

  const host = (): ManualHost => fleet.hosts[0]!;

  function claimMatch(at: ManualHost, player: ManualPlayer): string {
    const { sessionId } = player.take('matched') as unknown as { sessionId: string };
    at.claim(sessionId);
    return sessionId;
  }

  async function queueUp(playerId: string): Promise<ManualPlayer> {
    const player = fleet.player(playerId);
    player.play('r1');
    await fleet.clock.elapse(10);
    player.take('queued');
    return player;
  }

  async function freeSlot(): Promise<void> {
    holder.end(holderSessionId);
    await fleet.clock.settle();
  }

  describe('and loses the connection', () => {
    it('keeps the position for the time of grace', async () => {
      bob.channel.close();
      await fleet.clock.elapse(59_000);
      const back = fleet.player('bob');
      back.play('r1');
      await fleet.clock.settle();
      expect(back.take('queued')).to.include({ position: 1 });
      await freeSlot();
      expect(back.take('offer')).to.include({ requestId: 'r1' });
    });

    it('loses the position after the time of grace, and the others move up', async () => {
      bob.channel.close();
      await fleet.clock.elapse(59_000);
      expect(carol.channel.unread).to.not.include('queued');
      await fleet.clock.elapse(4_000);
      expect(carol.take('queued')).to.include({ position: 1 });
      await freeSlot();
      expect(carol.take('offer')).to.include({ requestId: 'r1' });
    });
  });

  describe('and gets an offer', () => {
    beforeEach(freeSlot);

    it('has the whole time of an offer to accept it', async () => {
      expect(bob.take('offer')).to.include({ acceptWithinMs: 15_000 });
      await fleet.clock.elapse(14_900);
      bob.accept('r1');
      await fleet.clock.settle();
      claimMatch(host(), bob);
      expect(carol.channel.unread).to.not.include('offer');
    });

    it('passes it on when its time is over, and is told so after the second one', async () => {
      bob.take('offer');
      await fleet.clock.elapse(14_900);
      expect(carol.channel.unread).to.not.include('offer');
      await fleet.clock.elapse(1_200);
      carol.take('offer');
      // Nobody else waits when Carol misses hers, so it is Bob's turn again.
      await fleet.clock.elapse(15_100);
      bob.take('offer');
      await fleet.clock.elapse(16_200);
      expect(bob.take('error')).to.include({ code: 'TIMED_OUT', requestId: 'r1' });
    });
  });
});
