import { FULL } from '../../domain/congestion.js';
import type { MoveAction } from '../../domain/rebalance/actions/rebalance-actions.js';
import { explainMove } from '../../domain/rebalance/actions/explain-move.js';
import { hostKey } from '../../domain/rebalance/limits/hot-hosts.js';
import {
  NO_QUARANTINE,
  isQuarantined,
  recordMoveOutcome,
  type Quarantine,
} from '../../domain/rebalance/limits/quarantine.js';
import type { RegionPool } from '../../domain/catalog.js';
import type { SessionRecord } from '../../store/fleet-store.js';
import type { CorePorts } from '../messaging/core-ports.js';
import type { ActiveMovesPort } from './active-moves.js';
import type { MoveRunner } from '../rebalance/move-runner.js';
import { moveSession, type MoveOrder, type MoveResult } from './move-session.js';
import { moveUnclaimedSession } from './move-unclaimed.js';
import { explainMoveToPlayer } from './explain-move-to-player.js';

/**
 * Moves that one broker carries out at once. Each is a handful of store calls and frames: more at a time are done no sooner,
 * and each player's picture stands still for longer.
 */
const MAX_AT_ONCE = 16;

/** A session that could not be moved is left alone for so many steps: its host may be at a save point then, its client back. */
const RETRY_AFTER_STEPS = 3;

/** How many failures are remembered. */
const MAX_FAILURES = 10_000;

export function createMoveRunner(context: CorePorts & ActiveMovesPort): MoveRunner {
  return new ChainMoveRunner(context);
}

class ChainMoveRunner implements MoveRunner {
  readonly #context: CorePorts & ActiveMovesPort;
  /** Sessions whose move waits or is under way. */
  readonly #begun = new Set<string>();
  readonly #failedAtMs = new Map<string, number>();
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #retryAfterMs: number;
  #running = 0;
  #quarantine: Quarantine = NO_QUARANTINE;
  #stopped = false;

  constructor(context: CorePorts & ActiveMovesPort) {
    this.#context = context;
    this.#retryAfterMs = RETRY_AFTER_STEPS * context.limits.moveStepMs;
  }

  isExcluded(sessionId: string): boolean {
    const failedAt = this.#failedAtMs.get(sessionId);
    const failedLately = failedAt !== undefined && performance.now() - failedAt < this.#retryAfterMs;
    return failedLately || this.#begun.has(sessionId) || this.#context.activeMoves.coordinated.has(sessionId);
  }

  get excludedSessions(): string[] {
    const ids = [...this.#failedAtMs.keys(), ...this.#begun, ...this.#context.activeMoves.coordinated.keys()];
    return [...new Set(ids)].filter((sessionId) => this.isExcluded(sessionId));
  }

  get quarantinedHosts(): string[] {
    const nowMs = performance.now();
    return [...this.#quarantine.keys()].filter((key) => isQuarantined(this.#quarantine, key, nowMs));
  }

  isQuarantined(place: RegionPool, hostId: string): boolean {
    return isQuarantined(this.#quarantine, hostKey(place, hostId), performance.now());
  }

  runMoves(actions: readonly MoveAction[], sessions: ReadonlyMap<string, SessionRecord>): void {
    const chains = new Map<number, MoveAction[]>();
    for (const action of actions) {
      const chain = chains.get(action.chain) ?? [];
      chain.push(action);
      chains.set(action.chain, chain);
    }
    for (const chain of chains.values()) {
      if (this.#stopped || chain.some(({ sessionId }) => this.#begun.has(sessionId))) continue;
      for (const { sessionId } of chain) this.#begun.add(sessionId);
      this.#waiting.push(() => this.#carryOut(chain, sessions));
    }
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
  }

  #next(): void {
    while (this.#running < MAX_AT_ONCE) {
      const chain = this.#waiting.shift();
      if (chain === undefined) return;
      this.#running += 1;
      void chain().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #carryOut(chain: readonly MoveAction[], sessions: ReadonlyMap<string, SessionRecord>): Promise<void> {
    try {
      for (const action of [...chain].sort((a, b) => a.order - b.order)) {
        const session = sessions.get(action.sessionId);
        if (session === undefined || !(await this.#move(action, session))) return;
      }
    } catch (error) {
      this.#context.log.warn({ err: error }, 'a move was not carried out');
    } finally {
      for (const { sessionId } of chain) this.#begun.delete(sessionId);
    }
  }

  /** @returns whether it was moved */
  async #move(action: MoveAction, session: SessionRecord): Promise<boolean> {
    const { store } = this.#context;
    const { regionPool: place, hostId } = action.from;
    const order: MoveOrder = {
      place,
      session,
      to: action.to.regionPool,
      reason: explainMoveToPlayer(action),
      maxCongestion: Math.round(action.cap * FULL),
    };
    const startedAt = performance.now();
    const result = await (action.isUnclaimed ? moveUnclaimedSession : moveSession)(this.#context, order);
    this.#learn(action, result);
    await store.recordMove({
      sessionId: session.sessionId,
      from: { ...place, hostId },
      to: { ...action.to.regionPool, hostId: result.hostId },
      cause: action.reason.code,
      reason: explainMove(action),
      outcome: result.kind,
      unclaimed: action.isUnclaimed,
      failure: result.kind === 'failed' ? `${result.by}: ${result.reason}` : null,
      tookMs: Math.round(performance.now() - startedAt),
    });
    return result.kind === 'moved';
  }

  #learn({ sessionId, from, to }: MoveAction, result: MoveResult): void {
    const source = hostKey(from.regionPool, from.hostId);
    const target = result.hostId === null ? undefined : hostKey(to.regionPool, result.hostId);
    if (result.kind === 'moved') {
      this.#failedAtMs.delete(sessionId);
      this.#note(source, true);
      if (target !== undefined) this.#note(target, true);
      return;
    }
    this.#failedAtMs.delete(sessionId);
    this.#failedAtMs.set(sessionId, performance.now());
    const [oldest] = this.#failedAtMs.keys();
    if (this.#failedAtMs.size > MAX_FAILURES && oldest !== undefined) this.#failedAtMs.delete(oldest);
    // What a client or the store did is no fault of the hosts.
    if (result.by === 'source') this.#note(source, false);
    if (result.by === 'target' && target !== undefined) this.#note(target, false);
  }

  #note(key: string, ok: boolean): void {
    const nowMs = performance.now();
    const was = isQuarantined(this.#quarantine, key, nowMs);
    this.#quarantine = recordMoveOutcome(this.#quarantine, key, ok, nowMs, this.#context.rebalanceLimits);
    if (!was && isQuarantined(this.#quarantine, key, nowMs)) {
      this.#context.log.warn({ host: key }, 'host fails its moves: left out of them for a while');
      this.#context.observer.hostQuarantined();
    }
  }
}
