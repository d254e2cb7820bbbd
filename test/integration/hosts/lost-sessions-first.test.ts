import { HOST_PATH } from '@duskline/protocol/constants';
import { expect } from 'chai';
import { IDLE_LOAD, testToken } from '../../support/fleet/test-broker.js';
import { Peer, type Frame } from '../../support/fleet/peer.js';
import { letTimePass } from '../../support/time/scenario-time.js';
import { TestFleet, play, queueUp, type TestFleetOptions } from '../../support/fleet/test-fleet.js';

const FLEETS: readonly (readonly [name: string, options: TestFleetOptions])[] = [
  ['with the store in memory', {}],
  ['with the store in Redis', { store: 'redis' }],
  ['on two brokers', { brokers: 2 }],
];

for (const [where, options] of FLEETS) {
  describe(`While a player waits, a host that returns without its sessions, ${where}`, () => {
    let fleet: TestFleet;
    let host: Peer;
    let playing: { readonly player: Peer; readonly sessionId: unknown }[];
    let waiting: Peer;
    beforeEach(async () => {
      fleet = await TestFleet.start(options);
      host = await fleet.host({ hostId: 'h1', slots: 2 });
      playing = [];
      for (const name of ['alice', 'bob']) playing.push(await startPlaying(name));
      waiting = await fleet.player('carol', { broker: 1 });
      await queueUp(waiting, 'r1');
    });
    afterEach(() => fleet.stop());

    async function startPlaying(name: string): Promise<{ player: Peer; sessionId: unknown }> {
      const player = await fleet.player(name);
      play(player, 'r1');
      const { sessionId, epoch } = await player.next('matched');
      await host.next('prepare');
      host.send({ type: 'session', sessionId, epoch, state: 'active' });
      await player.next('session');
      return { player, sessionId };
    }

    /** The host registers on the broker of the waiting player. */
    async function comeBack(slots: number): Promise<Peer> {
      const place = { region: 'near', pool: 'console-x' };
      const token = testToken({ kind: 'host', ...place });
      const peer = await Peer.open(fleet.broker(1).url, HOST_PATH, { token });
      const endpoint = 'ws://127.0.0.1:1/stream/h1';
      peer.send({ type: 'register', hostId: 'h1', ...place, slots, endpoint, sessions: [] });
      await peer.next('registered');
      peer.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [] });
      return peer;
    }

    const types = ({ unread }: Peer): string[] => unread.map(({ type }) => type);

    for (const afterMs of [0, 50]) {
      it(`gets them again after ${afterMs} ms; the player waits on and gets the next slot`, async () => {
        host.terminate();
        await letTimePass(afterMs);
        const back = await comeBack(2);
        for (const { player, sessionId } of playing) {
          expect(await player.next('matched')).to.include({ requestId: 'r1', sessionId, epoch: 2 });
          expect(types(player)).to.not.include('session');
        }
        const prepared = [await back.next('prepare'), await back.next('prepare')];
        expect(prepared.map(({ sessionId }) => sessionId)).to.have.members(
          playing.map(({ sessionId }) => sessionId),
        );
        expect(types(waiting)).to.not.include('offer');
        const [first] = playing;
        first!.player.send({ type: 'end', sessionId: first!.sessionId });
        expect(await waiting.next('offer')).to.include({ requestId: 'r1' });
      });
    }

    it('with one slot gets one of them; the other ends, and the player waits on', async () => {
      host.terminate();
      await comeBack(1);
      const isEnd = ({ state }: Frame): boolean => state === 'ended';
      const answers = await Promise.all(playing.map(({ player }) => player.nextOf(['matched', 'session'])));
      const ended = answers.filter(({ type }) => type === 'session');
      expect(ended).to.have.length(1);
      expect(ended.every(isEnd) && ended[0]!['reason']).to.equal('host_lost');
      const placed = playing[answers.findIndex(({ type }) => type === 'matched')]!;
      expect(types(waiting)).to.not.include('offer');
      placed.player.send({ type: 'end', sessionId: placed.sessionId });
      await waiting.next('offer');
    });
  });
}
