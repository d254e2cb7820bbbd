import { expect } from 'chai';
import { ManualFleet } from '../../../support/manual/manual-fleet.js';
import type { ManualHost, ManualPlayer } from '../../../support/manual/manual-peers.js';

interface Playing {
  readonly player: ManualPlayer;
  readonly sessionId: string;
}

/** Tests on one broker, and on two: the second has the players who wait, and the hosts that register later. */
for (const [where, brokers] of [
  ['on one broker', 1],
  ['on two brokers', 2],
] as const) {
  describe(`While a player waits, sessions that lost their host ${where}`, () => {
    const other = brokers - 1;
    let fleet: ManualFleet;
    let host: ManualHost;
    afterEach(() => fleet.stop());

    /** A host whose slots are all in use. */
    async function startFull(slots: number, change: object = {}): Promise<Playing[]> {
      fleet = await ManualFleet.start({ brokers });
      host = await fleet.host({ hostId: 'h1', slots });
      const playing: Playing[] = [];
      for (let i = 0; i < slots; i += 1) playing.push(await startOn(host, `player-${i}`, change));
      return playing;
    }

    async function startOn(at: ManualHost, name: string, change: object = {}): Promise<Playing> {
      const player = fleet.player(name);
      player.play('r1', change);
      await fleet.clock.elapse(10);
      const { sessionId } = player.take('matched') as unknown as { sessionId: string };
      at.claim(sessionId);
      await fleet.clock.elapse(10);
      player.channel.skip();
      return { player, sessionId };
    }

    async function queueUp(name: string): Promise<ManualPlayer> {
      const player = fleet.player(name, other);
      player.play('r1');
      await fleet.clock.elapse(10);
      player.take('queued');
      return player;
    }

    /** The host crashes, and registers again without sessions. */
    async function crashAndReturn(slots: number, afterMs: number): Promise<ManualHost> {
      host.channel.close();
      await fleet.clock.elapse(afterMs);
      return fleet.host({ hostId: 'h1', slots }, other);
    }

    const endOf = (player: ManualPlayer): unknown =>
      player.take('session', ({ state }) => state === 'ended')['reason'];

    for (const afterMs of [0, 50, 1_500]) {
      it(`are all placed again on it when it returns after ${afterMs} ms; the player keeps the place`, async () => {
        const playing = await startFull(2);
        const waiting = await queueUp('waiting');
        const back = await crashAndReturn(2, afterMs);
        await fleet.clock.elapse(1_500);
        for (const { player, sessionId } of playing) {
          expect(player.take('matched')).to.include({ sessionId, epoch: 2 });
          expect(player.channel.unread).to.not.include('session');
          back.claim(sessionId);
        }
        await fleet.clock.elapse(5_000);
        expect(waiting.channel.unread).to.not.include('offer');
        expect(waiting.take('queued')).to.include({ position: 1 });
        playing[0]!.player.end(playing[0]!.sessionId);
        await fleet.clock.elapse(1_100);
        waiting.take('offer');
      });
    }

    it('get what is left when it returns with fewer slots; who finds none is told `host_lost`', async () => {
      const playing = await startFull(3);
      const waiting = await queueUp('waiting');
      await crashAndReturn(1, 0);
      await fleet.clock.elapse(1_500);
      const placed = playing.filter(({ player }) => player.channel.unread.includes('matched'));
      const ended = playing.filter(({ player }) => player.channel.unread.includes('session'));
      expect([placed.length, ended.length]).to.deep.equal([1, 2]);
      expect(ended.map(({ player }) => endOf(player))).to.deep.equal(['host_lost', 'host_lost']);
      await fleet.clock.elapse(3_000);
      expect(waiting.channel.unread).to.not.include('offer');
    });

    it('leave the slots that are more than they need to the queue, at once', async () => {
      const playing = await startFull(1);
      const waiting = await queueUp('waiting');
      await crashAndReturn(2, 0);
      expect(waiting.channel.unread).to.include('offer');
      await fleet.clock.elapse(1_500);
      expect(playing[0]!.player.take('matched')).to.include({ epoch: 2 });
    });

    it('leave the slots to the queue at once if their players chose to end with the host', async () => {
      const playing = await startFull(2, { onHostLost: 'end' });
      const waiting = await queueUp('waiting');
      await crashAndReturn(2, 0);
      expect(waiting.channel.unread).to.include('offer');
      await fleet.clock.elapse(1_500);
      expect(playing.map(({ player }) => endOf(player))).to.deep.equal(['host_lost', 'host_lost']);
    });

    for (const asked of ['resume', 'repeat'] as const) {
      /** Another device of the player gets the session, with another wish. */
      async function continueElsewhere({ player, sessionId }: Playing, onHostLost: string): Promise<Playing> {
        const again = fleet.player('player-0', other);
        if (asked === 'resume') again.play('r2', { onConflict: 'resume', onHostLost: onHostLost as 'end' });
        else again.play('r1', { onHostLost: onHostLost as 'end' });
        await fleet.clock.elapse(1_000);
        again.take('matched');
        again.channel.skip();
        player.channel.skip();
        return { player: again, sessionId };
      }

      it(`are placed again if their player chose that with the ${asked} that has them now`, async () => {
        const [first] = await startFull(1, { onHostLost: 'end' });
        const { player, sessionId } = await continueElsewhere(first!, 'replace');
        const waiting = await queueUp('waiting');
        await crashAndReturn(1, 0);
        await fleet.clock.elapse(1_500);
        expect(player.take('matched')).to.include({ sessionId, epoch: 2 });
        expect(waiting.channel.unread).to.not.include('offer');
      });

      it(`leave the slots to the queue at once if their player chose to end with the ${asked} that has them now`, async () => {
        const [first] = await startFull(1);
        const { player } = await continueElsewhere(first!, 'end');
        const waiting = await queueUp('waiting');
        await crashAndReturn(1, 0);
        expect(waiting.channel.unread).to.include('offer');
        await fleet.clock.elapse(1_500);
        expect(endOf(player)).to.equal('host_lost');
      });
    }

    it('leave the slots to the queue after two seconds if their players are gone', async () => {
      const playing = await startFull(2);
      const waiting = await queueUp('waiting');
      for (const { player } of playing) player.channel.close();
      await fleet.clock.elapse(100);
      await crashAndReturn(2, 0);
      await fleet.clock.elapse(1_500);
      expect(waiting.channel.unread).to.not.include('offer');
      await fleet.clock.elapse(2_000);
      waiting.take('offer');
    });

    it('end with `host_lost` when no slot is free at that moment; the next one is for the queue', async () => {
      const [lost] = await startFull(1);
      const spare = await fleet.host({ hostId: 'h2', slots: 1 }, other);
      const busy = await startOn(spare, 'busy');
      const waiting = await queueUp('waiting');
      host.fallSilent();
      await fleet.clock.elapse(9_000);
      while (!fleet.observed.includes('hostLost')) {
        busy.player.channel.skip();
        await fleet.clock.elapse(1);
      }
      await fleet.clock.elapse(2_000);
      expect(endOf(lost!.player)).to.equal('host_lost');
      busy.player.end(busy.sessionId);
      await fleet.clock.elapse(1_100);
      waiting.take('offer');
    });
  });
}
