import type { EventOf } from '@duskline/loadtest/history/events.js';
import { hostName } from '@duskline/loadtest/history/events.js';
import { targetReservationIdOf } from '@duskline/server/domain/target-reservation.js';
import { waitUntil } from '../time/eventually.js';
import { START_DEADLINE_MS, type MoveScope, type MovesFleet } from './moves-fleet.js';
import type { MovingClient } from './moving-client.js';
import type { HostedSessionState, MovingHost } from './moving-host.js';

/** Options of `MoveScenario.start`. */
export interface MoveScenarioOptions {
  readonly scope: MoveScope;
  /** Which brokers source host, target host and client try first, each in this order. */
  readonly brokersOf: (
    movingBroker: number,
  ) => readonly [readonly number[], readonly number[], readonly number[]];
  readonly onHostLost: 'replace' | 'end';
}

/** Resolves when the latest scenario has started. */
let starting: Promise<unknown> = Promise.resolve();

/** Stages of a move, in order. */
export const MOVE_STAGES = [
  'checkpoint ordered',
  'checkpoint delivered',
  'client notified',
  'client admitted',
  'moved',
] as const;
/** One of `MOVE_STAGES`. */
export type MoveStage = (typeof MOVE_STAGES)[number];

/** Location of a session according to the store and to the host processes. */
export interface SessionLocation {
  /** Its records in the store that have not ended, without target reservations. */
  readonly stored: readonly { readonly hostId: string; readonly epoch: number; readonly state: string }[];
  /** The session on each running host. */
  readonly held: readonly (HostedSessionState & { readonly hostId: string })[];
  /** Whether the store's counters equal those of the hosts, no target reservation exists, and no killed host is listed. */
  readonly slotsAgree: boolean;
}

type MoveScenarioParts = Pick<
  MoveScenario,
  'fleet' | 'scope' | 'pool' | 'movingBroker' | 'sourceHost' | 'targetHost' | 'client'
>;

/** A client with a session on one host, and a second host as a move target. Each of the three is a process of its own. */
export class MoveScenario {
  sessionId = '';

  readonly fleet: MovesFleet;
  readonly scope: MoveScope;
  readonly pool: string;
  /** Index of the broker that will run the move. */
  readonly movingBroker: number;
  readonly sourceHost: MovingHost;
  readonly targetHost: MovingHost;
  /** Current client process of the player. */
  client: MovingClient;

  private constructor(parts: MoveScenarioParts) {
    this.fleet = parts.fleet;
    this.scope = parts.scope;
    this.pool = parts.pool;
    this.movingBroker = parts.movingBroker;
    this.sourceHost = parts.sourceHost;
    this.targetHost = parts.targetHost;
    this.client = parts.client;
  }

  /**
   * Resolves when the session runs and its host is being drained, but is not movable yet. Scenarios start one after the
   * other, because the start of a process takes most of its CPU time.
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
    const movingBroker = await fleet.leaseHolder('near');
    const [forSource, forTarget, forClient] = brokersOf(movingBroker);
    const sourceHost = fleet.startHost(`source-${number}`, 'near', pool, forSource);
    const targetHost = fleet.startHost(`target-${number}`, scope, pool, forTarget);
    const client = fleet.startClient(`player-${number}`, pool, forClient, { requestId: 'r1', onHostLost });
    const scenario = new MoveScenario({ fleet, scope, pool, movingBroker, sourceHost, targetHost, client });
    sourceHost.process.order({ kind: 'connect' });
    await fleet.untilReady(sourceHost);
    await scenario.play();
    targetHost.process.order({ kind: 'connect' });
    await fleet.untilReady(targetHost);
    // The order goes to another broker; the broker that will run the move finds it in its next round.
    await fleet.drain(fleet.otherThan(movingBroker), sourceHost);
    return scenario;
  }

  /** Starts to play. Resolves when the player receives frames. */
  async play(): Promise<void> {
    const before = this.frames.length;
    this.client.process.order({ kind: 'play' });
    await waitUntil(() => {
      const failed = this.client.lastReport('failed');
      if (failed !== undefined) throw new Error(failed.why);
      return this.client.lastReport('playing') !== undefined && this.frames.length > before + 2;
    }, START_DEADLINE_MS);
    this.sessionId = this.client.lastReport('playing')!.sessionId;
  }

  /** Frames that the player has received so far. */
  get frames(): readonly EventOf<'frame-received'>[] {
    return this.fleet.framesOf(this.client.player);
  }

  /**
   * Starts the move. Resolves when it has reached this stage, where it is blocked. For the last two stages it resolves at
   * `client notified`, where the client waits for the order `answer-moves`.
   */
  async waitForStage(stage: MoveStage): Promise<void> {
    const { sourceHost, targetHost, client } = this;
    if (stage === 'checkpoint ordered') {
      sourceHost.process.order({ kind: 'faults', faults: { checkpoint: 'hang' } });
    }
    if (stage === 'checkpoint delivered')
      targetHost.process.order({ kind: 'faults', faults: { restore: 'hang' } });
    sourceHost.process.order({ kind: 'movable', movable: true });
    await waitUntil(() => {
      switch (stage) {
        case 'checkpoint ordered':
          return sourceHost.state.sessions.some(({ state }) => state === 'moving');
        case 'checkpoint delivered':
          return targetHost.state.prepared > 0;
        case 'client notified':
        case 'client admitted':
        case 'moved':
          return client.lastReport('move-requested') !== undefined;
        default:
          return stage satisfies never;
      }
    }, 10_000);
  }

  /** Id of the broker that runs the move, according to the target reservation in the store. */
  async moveOwner(): Promise<string | undefined> {
    const regionPool = { region: this.scope, pool: this.pool };
    const [reservation] = await this.fleet.store.getSessions(regionPool, [
      targetReservationIdOf(this.sessionId),
    ]);
    return reservation?.clientBrokerId;
  }

  /** Reads from store and hosts where the session is. */
  async locateSession(): Promise<SessionLocation> {
    const { sessionId, fleet, sourceHost, targetHost, pool } = this;
    const hosts = [sourceHost, targetHost];
    const regionPools = [...new Set(hosts.map(({ region }) => region))].map((region) => ({ region, pool }));
    const known = await Promise.all(
      regionPools.map(async (regionPool) => {
        const [own, reservation] = await fleet.store.getSessions(regionPool, [
          sessionId,
          targetReservationIdOf(sessionId),
        ]);
        const records = await fleet.store.listHosts(regionPool);
        return { regionPool, own, isReserved: reservation?.state === 'arriving', records };
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
      slotsAgree: !agree.includes(false) && known.every(({ isReserved }) => !isReserved),
    };
  }

  /** Full state of the scenario, for error messages. */
  async describe(): Promise<string> {
    const { sourceHost, targetHost, client } = this;
    const reported = { source: sourceHost.state, target: targetHost.state, client: client.reports.slice(-6) };
    return JSON.stringify({ ...(await this.locateSession()), ...reported });
  }

  /** Starts a new client process for the player whose process was killed. */
  restartClient(): void {
    const { fleet, pool, client } = this;
    this.client = fleet.startClient(client.player, pool, [], { requestId: 'r2', onConflict: 'resume' });
  }

  /** Kills a host process, and records it. */
  async killHost(host: MovingHost): Promise<void> {
    await host.process.kill();
    const target = hostName(host.region, host.pool, host.hostId);
    this.fleet.recorder.record({ type: 'fault', fault: 'host-killed', target, lasts: false });
    this.fleet.recorder.record({ type: 'host-stopped', host: target, how: 'killed' });
  }

  /** Kills the client process, and records it. */
  async killClient(): Promise<void> {
    const { player, process } = this.client;
    await process.kill();
    this.fleet.recorder.record({ type: 'fault', fault: 'client-killed', target: player, lasts: false });
    this.fleet.recorder.record({ type: 'disconnected', player, code: 1006 });
  }

  /** Kills the broker that runs the move, and records it. */
  async killMovingBroker(): Promise<void> {
    const target = this.fleet.brokerId(this.movingBroker);
    this.fleet.recorder.record({ type: 'fault', fault: 'broker-killed', target, lasts: false });
    await this.fleet.brokers[this.movingBroker]!.kill();
  }

  /** The player leaves. Resolves when no host and no store record has the session any more. */
  async end(): Promise<void> {
    this.client.process.order({ kind: 'leave' });
    const isOver = async (): Promise<boolean> => {
      const { stored, held, slotsAgree } = await this.locateSession();
      return stored.length === 0 && held.length === 0 && slotsAgree;
    };
    await waitUntil(isOver, 10_000, { describe: () => this.describe() });
    for (const { process } of [this.sourceHost, this.targetHost]) process.order({ kind: 'leave' });
    this.client.process.order({ kind: 'close' });
    await Promise.all([this.sourceHost, this.targetHost, this.client].map(({ process }) => process.exited));
    this.fleet.releasePool(this.pool);
  }
}
