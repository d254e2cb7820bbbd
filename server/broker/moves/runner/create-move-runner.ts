import { FULL } from '../../../domain/congestion.js';
import type { MoveAction } from '../../../domain/rebalance/actions/rebalance-actions.js';
import type { ScheduledChain } from '../../../domain/rebalance/actions/scheduled-chain.js';
import { explainMove } from '../../../domain/rebalance/actions/explain-move.js';
import { hostKey } from '../../../domain/rebalance/limits/hot-hosts.js';
import type { RegionPool } from '../../../domain/catalog.js';
import type { SessionRecord } from '../../../store/fleet-store.js';
import type { MoveRunner } from '../../rebalance/move-runner.js';
import type { ActiveMovesPort } from '../active-moves.js';
import { explainMoveToPlayer } from './explain-move-to-player.js';
import { HostQuarantine } from './host-quarantine.js';
import type { MoveOrder, MoveResult } from '../coordinator/move-order.js';
import { moveSession } from '../coordinator/move-session.js';
import { moveUnclaimedSession } from '../coordinator/move-unclaimed.js';
import { RecentMoveFailures } from './recent-move-failures.js';
import type { BrokerSettings } from '../../settings.js';
import type { Runtime } from '../../../runtime/runtime.js';
import type { StoreAccess } from '../../store-access/ports.js';
import type { Events } from '../../messaging/broker-events.js';
import type { Reporting } from '../../reporting.js';

/**
 * Maximum number of chains that one broker runs at once. A move is a few store calls and messages, so more at once would not
 * end sooner, and each player's stream would be paused for longer.
 */
const MAX_RUNNING_CHAINS = 16;

/**
 * Steps for which a session is not moved again after its move failed: its host may be saving the game at this moment, or its
 * client may be reconnecting.
 */
const RETRY_AFTER_STEPS = 3;

export function createMoveRunner(
  context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
): MoveRunner {
  return new ChainMoveRunner(context);
}

/** A queued or running chain of moves. */
interface MoveChain {
  /** In the order of execution. */
  readonly actions: readonly MoveAction[];
  /** Records of their sessions, by id. */
  readonly sessions: ReadonlyMap<string, SessionRecord>;
  /** Index of the running move; `null` while the chain is queued. */
  runningMove: number | null;
}

class ChainMoveRunner implements MoveRunner {
  /** Queued and running chains, by the ids of their sessions. */
  readonly #chainOf = new Map<string, MoveChain>();
  readonly #queuedChains: MoveChain[] = [];
  readonly #failures: RecentMoveFailures;
  readonly #quarantine: HostQuarantine;
  #runningChains = 0;
  #isStopped = false;

  constructor(
    private readonly context: BrokerSettings & Runtime & StoreAccess & Events & Reporting & ActiveMovesPort,
  ) {
    this.#failures = new RecentMoveFailures(RETRY_AFTER_STEPS * context.limits.moveStepMs, context.clock);
    this.#quarantine = new HostQuarantine(context);
  }

  isExcluded(sessionId: string): boolean {
    return (
      this.#failures.has(sessionId) ||
      this.#chainOf.has(sessionId) ||
      this.context.activeMoves.coordinated.has(sessionId)
    );
  }

  get excludedSessions(): string[] {
    const coordinated = this.context.activeMoves.coordinated.keys();
    return [...new Set([...this.#failures.sessionIds, ...this.#chainOf.keys(), ...coordinated])];
  }

  get scheduledChains(): ScheduledChain[] {
    return [...new Set(this.#chainOf.values())].map(({ actions, runningMove }) => ({
      moves: actions.slice(runningMove ?? 0).map(({ sessionId, from, to }) => ({ sessionId, from, to })),
      isRunning: runningMove !== null,
    }));
  }

  get quarantinedHosts(): string[] {
    return this.#quarantine.hostKeys;
  }

  isQuarantined(regionPool: RegionPool, hostId: string): boolean {
    return this.#quarantine.has(hostKey(regionPool, hostId));
  }

  runMoves(actions: readonly MoveAction[], sessions: ReadonlyMap<string, SessionRecord>): void {
    for (const actionsOfChain of groupByChain(actions)) {
      if (this.#isStopped || actionsOfChain.some(({ sessionId }) => this.#chainOf.has(sessionId))) continue;
      const chain: MoveChain = { actions: actionsOfChain, sessions, runningMove: null };
      for (const { sessionId } of actionsOfChain) this.#chainOf.set(sessionId, chain);
      this.#queuedChains.push(chain);
    }
    this.#startQueuedChains();
  }

  stop(): void {
    this.#isStopped = true;
    this.#queuedChains.length = 0;
  }

  #startQueuedChains(): void {
    while (this.#runningChains < MAX_RUNNING_CHAINS) {
      const chain = this.#queuedChains.shift();
      if (chain === undefined) return;
      this.#runningChains += 1;
      void this.#runChain(chain).finally(() => {
        this.#runningChains -= 1;
        this.#startQueuedChains();
      });
    }
  }

  async #runChain(chain: MoveChain): Promise<void> {
    const { actions, sessions } = chain;
    try {
      for (const [index, action] of actions.entries()) {
        chain.runningMove = index;
        const session = sessions.get(action.sessionId);
        if (session === undefined || !(await this.#runMove(action, session))) return;
      }
    } catch (error) {
      this.context.log.warn({ err: error }, 'could not run a chain of moves');
    } finally {
      for (const { sessionId } of actions) this.#chainOf.delete(sessionId);
    }
  }

  /** @returns whether the session has moved */
  async #runMove(action: MoveAction, session: SessionRecord): Promise<boolean> {
    const startedAt = this.context.clock.monotonicMs();
    const move = action.isUnclaimed ? moveUnclaimedSession : moveSession;
    const result = await move(this.context, toMoveOrder(action, session));
    this.#recordResult(action, result);
    await this.context.store.recordMove({
      sessionId: session.sessionId,
      from: { ...action.from.regionPool, hostId: action.from.hostId },
      to: { ...action.to.regionPool, hostId: result.hostId },
      cause: action.reason.code,
      reason: explainMove(action),
      outcome: result.kind,
      unclaimed: action.isUnclaimed,
      failure: result.kind === 'failed' ? `${result.by}: ${result.reason}` : null,
      tookMs: Math.round(this.context.clock.monotonicMs() - startedAt),
    });
    return result.kind === 'moved';
  }

  #recordResult({ sessionId, from, to }: MoveAction, result: MoveResult): void {
    const sourceHost = hostKey(from.regionPool, from.hostId);
    const targetHost = result.hostId === null ? undefined : hostKey(to.regionPool, result.hostId);
    if (result.kind === 'moved') {
      this.#failures.delete(sessionId);
      this.#quarantine.recordOutcome(sourceHost, true);
      if (targetHost !== undefined) this.#quarantine.recordOutcome(targetHost, true);
      return;
    }
    this.#failures.add(sessionId);
    // A host does not count as failing if its client or the store made the move fail.
    if (result.by === 'source') this.#quarantine.recordOutcome(sourceHost, false);
    if (result.by === 'target' && targetHost !== undefined) this.#quarantine.recordOutcome(targetHost, false);
  }
}

function groupByChain(actions: readonly MoveAction[]): MoveAction[][] {
  const chains = new Map<number, MoveAction[]>();
  for (const action of actions) {
    const chain = chains.get(action.chain) ?? [];
    chain.push(action);
    chains.set(action.chain, chain);
  }
  return [...chains.values()].map((chain) => chain.sort((a, b) => a.order - b.order));
}

function toMoveOrder(action: MoveAction, session: SessionRecord): MoveOrder {
  return {
    regionPool: action.from.regionPool,
    session,
    to: action.to.regionPool,
    reason: explainMoveToPlayer(action),
    maxCongestion: Math.round(action.cap * FULL),
  };
}
