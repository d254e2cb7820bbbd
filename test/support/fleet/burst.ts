import { expect } from 'chai';
import { waitUntil } from '../time/eventually.js';
import type { Frame, Peer } from './peer.js';
import { play, roundTrip, type TestFleet } from './test-fleet.js';

/** Connections of one player that play at the same moment. */
const SOCKETS = 30;

/** What each connection of a player asks for, by its index, and with which id. */
export interface Burst {
  readonly name: string;
  readonly onConflict: (i: number) => 'fail' | 'resume' | 'takeover';
  readonly requestId: (i: number) => string;
}

const ownId = (i: number): string => `burst-${i}`;

/** All connections resume. */
export const RESUMES: Burst = { name: 'resume', onConflict: () => 'resume', requestId: ownId };

/** All connections resume, with one request id. */
export const SAME_ID: Burst = {
  name: 'resume with one request id',
  onConflict: () => 'resume',
  requestId: () => 'burst',
};

/** All connections take over. */
export const TAKEOVERS: Burst = { name: 'take over', onConflict: () => 'takeover', requestId: ownId };

/** Half of the connections of each broker resume, the others take over. */
export const MIXED: Burst = {
  name: 'resume or take over',
  // Pairs, so that each of two brokers gets both.
  onConflict: (i) => (Math.floor(i / 2) % 2 === 0 ? 'resume' : 'takeover'),
  requestId: ownId,
};

/** All connections repeat the request `r1`. */
export const REPEATS: Burst = { name: 'repeat one request', onConflict: () => 'fail', requestId: () => 'r1' };

/** Whether the frame is the last word on a request. */
export const isLastWord = ({ type, state }: Frame): boolean =>
  type === 'replaced' || type === 'error' || (type === 'session' && state === 'ended');

export const isMatched = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'matched');
export const isQueued = ({ unread }: Peer): boolean => unread.some(({ type }) => type === 'queued');
const holds = ({ unread }: Peer): boolean => !unread.some(isLastWord);

/** Many connections of the player `alice`, spread over the brokers of a fleet. */
export class BurstOfPeers {
  private constructor(
    private readonly fleet: TestFleet,
    readonly peers: readonly Peer[],
  ) {}

  static async open(fleet: TestFleet): Promise<BurstOfPeers> {
    const peers = Array.from({ length: SOCKETS }, (_, i) => fleet.player('alice', { broker: i }));
    return new BurstOfPeers(fleet, await Promise.all(peers));
  }

  /** Each connection sends its `play`. Resolves when the brokers have received them. */
  async send({ onConflict, requestId }: Burst, change: object = {}): Promise<void> {
    this.peers.forEach((peer, i) => play(peer, requestId(i), { onConflict: onConflict(i), ...change }));
    await this.settle();
  }

  /** Resolves when each connection has received what its broker sent it until now. */
  async settle(): Promise<void> {
    await Promise.all(this.peers.map(roundTrip));
  }

  /**
   * The one connection that has the request at the end, when every other one has had its last word: not an error, and, of what
   * replaced it, a request of this player.
   */
  async lastOne(burst: Burst, isAnswered: (peer: Peer) => boolean): Promise<Peer> {
    const { peers } = this;
    const isSettled = (): boolean =>
      peers.filter(holds).length === 1 && peers.filter(holds).every(isAnswered);
    await waitUntil(isSettled, 10_000, { describe: () => JSON.stringify(peers.map(({ unread }) => unread)) });
    const requestIds = new Set(peers.map((_, i) => burst.requestId(i)));
    for (const { unread } of peers) {
      expect(unread.filter(({ type }) => type === 'error')).to.deep.equal([]);
      expect(unread.filter(isLastWord).length, JSON.stringify(unread)).to.be.at.most(1);
      for (const { byRequestId } of unread.filter(({ type }) => type === 'replaced'))
        expect(requestIds.has(String(byRequestId)), String(byRequestId)).to.equal(true);
    }
    return peers.find(holds)!;
  }

  /** Expects that the store knows the request of this connection as the player's live one. Returns the id of its session. */
  async expectLive(last: Peer, burst: Burst): Promise<string> {
    const requestId = burst.requestId(this.peers.indexOf(last));
    const [record] = await this.fleet.stores[0]!.findRequests([{ playerId: 'alice', requestId }]);
    expect(record, requestId).to.include({ state: 'live' });
    return record!.sessionId;
  }

  /** Expects that this connection has the session: its events arrive there, and nowhere else, and it holds the one slot. */
  async expectSession(last: Peer, burst: Burst, host: Peer): Promise<string> {
    const sessionId = await this.expectLive(last, burst);
    const matched = last.unread.findLast(({ type }) => type === 'matched');
    expect(matched).to.include({ sessionId });
    await waitUntil(async () => {
      const { regions } = await this.fleet.broker(0).broker.status();
      const pools = regions.flatMap((region) => region.pools);
      return pools.reduce((sum, { sessions }) => sum + sessions, 0) === 1;
    });
    const { epoch } = matched!;
    host.send({ type: 'session', sessionId, epoch, state: 'active' });
    host.send({ type: 'session', sessionId, epoch, state: 'disconnected' });
    await last.next('session', ({ state }) => state === 'disconnected');
    await this.settle();
    for (const peer of this.peers)
      if (peer !== last) expect(peer.unread.some(({ state }) => state === 'disconnected')).to.equal(false);
    return sessionId;
  }
}
