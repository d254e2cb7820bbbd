import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import type { OrderTarget } from '@duskline/server/domain/drain.js';
import { IDLE, QUICK } from '../fleet/test-broker.js';
import type { Frame, Peer } from '../fleet/peer.js';
import { TestFleet, play, type PlayerPeer } from '../fleet/test-fleet.js';

/** What a session's state is in these tests: `{"count":42}`. */
export const SESSION_STATE = Buffer.from('{"count":42}').toString('base64');

export interface SingleMoveOptions {
  /** Where the session goes: to another host of its region, or to the next region. */
  readonly to?: 'near' | 'next';
  readonly brokers?: number;
  readonly limits?: Parameters<typeof TestFleet.start>[0] extends { limits?: infer L } | undefined
    ? L
    : never;
}

/**
 * A session that is played on one host, and another host that could take it. Old host, new host, client and whoever moves
 * the session are on different brokers, as far as there are so many.
 */
export class SingleMoveFleet {
  private constructor(
    readonly fleet: TestFleet,
    readonly to: 'near' | 'next',
    readonly source: Peer,
    readonly target: Peer,
    readonly player: PlayerPeer,
    readonly sessionId: string,
  ) {}

  static async start({
    to = 'near',
    brokers = 1,
    limits = {},
  }: SingleMoveOptions = {}): Promise<SingleMoveFleet> {
    const fleet = await TestFleet.start({
      brokers,
      limits: { moveStepMs: 1_000, ...limits },
      // A round of drains that comes every tenth of a second draws epochs that tests do not expect.
      intervals: { ...QUICK, pollMs: DEFAULT_INTERVALS.pollMs },
    });
    const source = await fleet.host({ hostId: 'h1', slots: 2 }, 0);
    const player = await fleet.player('alice', { broker: 2 });
    play(player, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
    const { sessionId } = await player.next('matched');
    await source.next('prepare');
    const target = await fleet.host({ hostId: 'h2', region: to, slots: 2 }, 1);
    const moving = new SingleMoveFleet(fleet, to, source, target, player, String(sessionId));
    for (const state of ['active', 'connected'] as const) {
      source.send({ type: 'session', sessionId, epoch: 1, state });
      await player.next('session', (frame) => frame['state'] === state);
    }
    await moving.declareMovable();
    return moving;
  }

  /** The old host says that the session may be moved, and the store knows. */
  async declareMovable(): Promise<void> {
    const held = { sessionId: this.sessionId, epoch: 1, state: 'connected', movable: true };
    this.source.send({ type: 'heartbeat', load: IDLE, sessions: [held] });
    const { waitUntil: eventually } = await import('../eventually.js');
    await eventually(async () => {
      const [session] = await this.fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [
        this.sessionId,
      ]);
      return session?.movable === true;
    });
  }

  /** Orders the old host to be emptied. Resolves when it is asked for the session's state. */
  async startMove(): Promise<Frame> {
    const target: OrderTarget = { region: 'near', pool: 'console-x', hostId: 'h1' };
    const order = {
      target,
      mode: 'move',
      atDeadline: 'end',
      deadlineMs: 3_600_000,
      yesEverything: false,
    } as const;
    await this.fleet.broker(3).broker.operations.drain(order, { operatorId: 'ops', from: '127.0.0.1' });
    return this.source.next('checkpoint');
  }

  /** The old host hands the state over. Resolves when the new host is told. */
  async sendCheckpoint(change: object = { state: SESSION_STATE }): Promise<Frame> {
    const { sessionId } = this;
    this.source.send({ type: 'checkpoint', sessionId, epoch: 1, ...change });
    return this.target.next('restore');
  }

  /** The new host is ready. Resolves when the client is told. */
  async ready(): Promise<Frame> {
    this.target.send({ type: 'restored', sessionId: this.sessionId, epoch: 2 });
    return this.player.next('moving');
  }

  /** The client was let in by the new host. */
  claimAtTarget(): void {
    const { sessionId } = this;
    this.target.send({ type: 'session', sessionId, epoch: 2, state: 'active', restored: true });
  }
}
