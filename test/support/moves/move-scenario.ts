import type { EventOf } from '@duskline/loadtest/history/events.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { targetReservationIdOf } from '@duskline/server/domain/target-reservation.js';
import { waitUntil, retryUntilSuccess } from '../eventually.js';
import { START_DEADLINE_MS, type MoveScope, type MovesFleet } from './moves-fleet.js';
import type { MovingClient } from './moving-client.js';
import type { HostedSessionState, MovingHost } from './moving-host.js';

export interface MoveScenarioOptions {
  readonly scope: MoveScope;
  /** Which brokers old host, new host and client try first, each in this order. */
  readonly brokersOf: (mover: number) => readonly [readonly number[], readonly number[], readonly number[]];
  readonly onHostLost: 'replace' | 'end';
}

/** The start of the last scene. */
let starting: Promise<unknown> = Promise.resolve();

/** How far a move has come. */
export const MOVE_STAGES = [
  'checkpoint ordered',
  'checkpoint delivered',
  'client notified',
  'client admitted',
  'moved',
] as const;
export type MoveStage = (typeof MOVE_STAGES)[number];

/** Where a session is, as the store and the host processes say. */
export interface SessionLocation {
  /** Live records of it in the store; without arrivals. */
  readonly stored: readonly { readonly hostId: string; readonly epoch: number; readonly state: string }[];
  /** What the living hosts hold of it. */
  readonly held: readonly (HostedSessionState & { readonly hostId: string })[];
  /** Whether every counter is what the host says it has, nothing is held for a move, and no dead host is known. */
  readonly slotsAgree: boolean;
}

type MoveScenarioParts = Pick<
  MoveScenario,
  'fleet' | 'scope' | 'pool' | 'mover' | 'oldHost' | 'newHost' | 'client'
>;

/** One session that is played on one host while there is another: each of the three in a process of its own. */
export class MoveScenario {
  sessionId = '';

  readonly fleet: MovesFleet;
  readonly scope: MoveScope;
  readonly pool: string;
  /** Index of the broker that carries the move out. */
  readonly mover: number;
  readonly oldHost: MovingHost;
  readonly newHost: MovingHost;
  /** The client that plays the session at the moment. */
  client: MovingClient;

  private constructor(parts: MoveScenarioParts) {
    this.fleet = parts.fleet;
    this.scope = parts.scope;
    this.pool = parts.pool;
    this.mover = parts.mover;
    this.oldHost = parts.oldHost;
    this.newHost = parts.newHost;
    this.client = parts.client;
  }

  /**
   * Resolves when the session is played, and its host is being drained, but hands nothing over yet. Scenes start one after
   * the other: processes cost most when they start.
   */
  static start(fleet: MovesFleet, options: MoveScenarioOptions): Promise<MoveScenario> {
    const started = starting.then(() => MoveScenario.#start(fleet, options));
    starting = started.catch(() => undefined);
    return started;
  }

  static async #start(
    fleet: MovesFleet,
    { scope, brokersOf, onHostLost }: MoveScenarioOptions,
  ): Promise<MoveScenario> {
    const { pool, number } = fleet.reservePool();
    const mover = await fleet.leaseHolder('near');
    const [forOld, forNew, forClient] = brokersOf(mover);
    const oldHost = fleet.startHost(`old-${number}`, 'near', pool, forOld);
    const newHost = fleet.startHost(`new-${number}`, scope, pool, forNew);
    const client = fleet.startClient(`player-${number}`, pool, forClient, { requestId: 'r1', onHostLost });
    const scene = new MoveScenario({ fleet, scope, pool, mover, oldHost, newHost, client });
    oldHost.process.order({ kind: 'connect' });
    await fleet.untilReady(oldHost);
    await scene.play();
    newHost.process.order({ kind: 'connect' });
    await fleet.untilReady(newHost);
    // Not the one that is to carry it out: that one finds the order in its next round.
    await fleet.drain(fleet.otherThan(mover), oldHost);
    return scene;
  }

  /** Resolves when the player sees pictures. */
  async play(): Promise<void> {
    const before = this.shown.length;
    this.client.process.order({ kind: 'play' });
    await waitUntil(() => {
      const failed = this.client.last('failed');
      if (failed !== undefined) throw new Error(failed.why);
      return this.client.last('playing') !== undefined && this.shown.length > before + 2;
    }, START_DEADLINE_MS);
    this.sessionId = this.client.last('playing')!.sessionId;
  }

  get shown(): readonly EventOf<'frame-received'>[] {
    return this.fleet.shown(this.client.player);
  }

  /**
   * Lets the move begin. Resolves when it has come so far, where it is held until somebody goes on; of the last two gaps, at
   * the one before them: the client waits to be told to go.
   */
  async waitForStage(gap: MoveStage): Promise<void> {
    const { oldHost, newHost, client } = this;
    if (gap === 'checkpoint ordered') {
      oldHost.process.order({ kind: 'faults', faults: { checkpoint: 'hang' } });
    }
    if (gap === 'checkpoint delivered')
      newHost.process.order({ kind: 'faults', faults: { restore: 'hang' } });
    oldHost.process.order({ kind: 'movable', movable: true });
    await waitUntil(() => {
      switch (gap) {
        case 'checkpoint ordered':
          return oldHost.state.sessions.some(({ state }) => state === 'moving');
        case 'checkpoint delivered':
          return newHost.state.prepared > 0;
        case 'client notified':
        case 'client admitted':
        case 'moved':
          return client.last('asked-to-move') !== undefined;
        default:
          return gap satisfies never;
      }
    }, 10_000);
  }

  /** The broker that the store names as the one that carries the move out. */
  async moveOwner(): Promise<string | undefined> {
    const regionPool = { region: this.scope, pool: this.pool };
    const [arrival] = await this.fleet.store.getSessions(regionPool, [targetReservationIdOf(this.sessionId)]);
    return arrival?.clientBrokerId;
  }

  async locateSession(): Promise<SessionLocation> {
    const { sessionId, fleet, oldHost, newHost, pool } = this;
    const hosts = [oldHost, newHost];
    const regionPools = [...new Set(hosts.map(({ region }) => region))].map((region) => ({ region, pool }));
    const known = await Promise.all(
      regionPools.map(async (regionPool) => {
        const [own, arrival] = await fleet.store.getSessions(regionPool, [
          sessionId,
          targetReservationIdOf(sessionId),
        ]);
        const records = await fleet.store.listHosts(regionPool);
        return { regionPool, own, isHeld: arrival?.state === 'arriving', records };
      }),
    );
    const agree = hosts.map(({ process, state, region, hostId }) => {
      const { records = [] } = known.find(({ regionPool }) => regionPool.region === region) ?? {};
      const record = records.find((candidate) => candidate.hostId === hostId);
      return process.isAlive ? record?.committed === state.prepared + state.held : record === undefined;
    });
    return {
      stored: known.flatMap(({ own }) =>
        own === null || own === undefined || own.state === 'ended' ? [] : [own],
      ),
      held: hosts.flatMap(({ process, hostId, state: { sessions } }) =>
        process.isAlive ? sessions.map((session) => ({ ...session, hostId })) : [],
      ),
      slotsAgree: !agree.includes(false) && known.every(({ isHeld }) => !isHeld),
    };
  }

  /** All that there is to say, for whoever looks into what went wrong. */
  async describe(): Promise<string> {
    const { oldHost, newHost, client } = this;
    const told = { old: oldHost.state, new: newHost.state, heard: client.heard.slice(-6) };
    return JSON.stringify({ ...(await this.locateSession()), ...told });
  }

  /** The same player, in another process: the one before is dead. */
  returnOfPlayer(): void {
    const { fleet, pool, client } = this;
    this.client = fleet.startClient(client.player, pool, [], { requestId: 'r2', onConflict: 'resume' });
  }

  async killHost(host: MovingHost): Promise<void> {
    await host.process.kill();
    const target = hostName(host.region, host.pool, host.hostId);
    this.fleet.recorder.record({ type: 'fault', fault: 'host-killed', target, lasts: false });
    this.fleet.recorder.record({ type: 'host-stopped', host: target, how: 'killed' });
  }

  async killClient(): Promise<void> {
    const { player, process } = this.client;
    await process.kill();
    this.fleet.recorder.record({ type: 'fault', fault: 'client-killed', target: player, lasts: false });
    this.fleet.recorder.record({ type: 'disconnected', player, code: 1006 });
  }

  async killMover(): Promise<void> {
    const target = this.fleet.brokerId(this.mover);
    this.fleet.recorder.record({ type: 'fault', fault: 'broker-killed', target, lasts: false });
    await this.fleet.brokers[this.mover]!.kill();
  }

  /** The player leaves, and nothing of the session stays anywhere. */
  async end(): Promise<void> {
    this.client.process.order({ kind: 'leave' });
    await retryUntilSuccess(async () => {
      const { stored, held, slotsAgree } = await this.locateSession();
      if (stored.length > 0 || held.length > 0 || !slotsAgree)
        throw new Error(`not over: ${await this.describe()}`);
    }, 10_000);
    for (const { process } of [this.oldHost, this.newHost]) process.order({ kind: 'leave' });
    this.client.process.order({ kind: 'close' });
    await Promise.all([this.oldHost, this.newHost, this.client].map(({ process }) => process.exited));
    this.fleet.releasePool(this.pool);
  }
}
