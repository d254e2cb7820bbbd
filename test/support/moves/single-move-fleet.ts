import { DEFAULT_INTERVALS } from '@duskline/server/broker/intervals.js';
import type { OrderTarget } from '@duskline/server/domain/drain.js';
import { waitUntil } from '../time/eventually.js';
import { IDLE_LOAD, SHORT_INTERVALS } from '../fleet/test-broker.js';
import type { Frame, Peer } from '../fleet/peer.js';
import { TestFleet, play, type PlayerPeer } from '../fleet/test-fleet.js';

/** Session state of these tests, in base64: `{"count":42}`. */
export const SESSION_STATE = Buffer.from('{"count":42}').toString('base64');

/** Options of `SingleMoveFleet.start`. */
export interface SingleMoveOptions {
  /** Region of the target host: `near` is the region of the session. */
  readonly to?: 'near' | 'next';
  readonly brokers?: number;
  readonly limits?: Parameters<typeof TestFleet.start>[0] extends { limits?: infer L } | undefined
    ? L
    : never;
}

/**
 * A session on one host, and a second host as a move target. Source host, target host and client use different brokers, and
 * a further broker runs the move, if the fleet has enough brokers.
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

  /** Resolves when the session is connected and movable. */
  static async start({
    to = 'near',
    brokers = 1,
    limits = {},
  }: SingleMoveOptions = {}): Promise<SingleMoveFleet> {
    const fleet = await TestFleet.start({
      brokers,
      limits: { moveStepMs: 1_000, ...limits },
      // Frequent rounds of drains would use up epochs that tests expect.
      intervals: { ...SHORT_INTERVALS, pollMs: DEFAULT_INTERVALS.pollMs },
    });
    const source = await fleet.host({ hostId: 'h1', slots: 2 }, 0);
    const player = await fleet.player('alice', { broker: 2 });
    play(player, 'r1', { rtt: { near: 12, next: 20 }, canMove: true });
    const { sessionId } = await player.next('matched');
    await source.next('prepare');
    const target = await fleet.host({ hostId: 'h2', region: to, slots: 2 }, 1);
    const started = new SingleMoveFleet(fleet, to, source, target, player, String(sessionId));
    for (const state of ['active', 'connected'] as const) {
      source.send({ type: 'session', sessionId, epoch: 1, state });
      await player.next('session', (frame) => frame['state'] === state);
    }
    await started.declareMovable();
    return started;
  }

  /** The source host reports the session as movable. Resolves when the store has recorded it. */
  async declareMovable(): Promise<void> {
    const held = { sessionId: this.sessionId, epoch: 1, state: 'connected', movable: true };
    this.source.send({ type: 'heartbeat', load: IDLE_LOAD, sessions: [held] });
    await waitUntil(async () => {
      const [session] = await this.fleet.stores[0]!.getSessions({ region: 'near', pool: 'console-x' }, [
        this.sessionId,
      ]);
      return session?.movable === true;
    });
  }

  /** Orders a drain of the source host. Resolves when the source host gets `checkpoint`. */
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

  /** The source host sends the state. Resolves when the target host gets `restore`. */
  async sendCheckpoint(change: object = { state: SESSION_STATE }): Promise<Frame> {
    const { sessionId } = this;
    this.source.send({ type: 'checkpoint', sessionId, epoch: 1, ...change });
    return this.target.next('restore');
  }

  /** The target host sends `restored`. Resolves when the client gets `moving`. */
  async reportRestored(): Promise<Frame> {
    this.target.send({ type: 'restored', sessionId: this.sessionId, epoch: 2 });
    return this.player.next('moving');
  }

  /** The target host reports that it admitted the client. */
  claimAtTarget(): void {
    const { sessionId } = this;
    this.target.send({ type: 'session', sessionId, epoch: 2, state: 'active', restored: true });
  }
}
