import type { Connections } from '../connections/ports.js';
import type { RequestRunning, Requests } from '../requests/ports.js';
import type { ActiveMovesPort } from '../moves/active-moves.js';
import type { MoveRunnerPort } from '../rebalance/move-runner.js';
import { repeatEnds } from '../recovery/repeat-ends.js';
import { createSessionVerifier } from '../recovery/verify-sessions.js';
import { createDrainWarner } from '../drain/warn-of-drains.js';
import { createLoop, type Loop } from './loop.js';
import { pollAllInboxes } from '../messaging/poll-inbox.js';
import { finishOverdueMoves } from '../moves/finish-overdue-moves.js';
import type { Rebalancer } from '../rebalance/rebalancer.js';
import { runRebalanceRound } from '../rebalance/run-rebalance-round.js';
import { pollQueues } from '../queue/poll-queues.js';
import { toRefusal } from '../refusal.js';
import { runAll } from '../run-all.js';
import { restoreQueuePositions } from '../recovery/restore-queue-positions.js';
import { runDrains } from '../drain/run-drains.js';
import { sweepRegion, type SweepProgress } from './sweep-region.js';
import type { BrokerSettings } from '../settings.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { StoreAccess } from '../store-access/ports.js';
import type { Events } from '../messaging/broker-events.js';
import type { Reporting } from '../reporting.js';

/** The broker's recurring work. After an error the next round tries again. */
export interface Loops {
  start(): void;
  /** Resolves when the current rounds are over and the leases are released. */
  stop(): Promise<void>;
}

/** @param rebalancer plans the moves of a rebalancing round; `null` when rebalancing is off */
export function createLoops(
  context: BrokerSettings &
    Runtime &
    StoreAccess &
    Events &
    Reporting &
    Connections &
    Requests &
    RequestRunning &
    ActiveMovesPort &
    MoveRunnerPort,
  rebalancer: Rebalancer | null,
): Loops {
  const { limits, intervals, store, catalog, brokerId, fleet, storeHealth } = context;
  const sweepProgress: SweepProgress = { recounts: new Map() };
  const leasedRegions = new Set<string>();
  const warnOfDrains = createDrainWarner(context);
  const verifySessions = createSessionVerifier(context);

  async function renewLeases(): Promise<void> {
    await Promise.all(
      [...catalog.regions.keys()].map(async (region) => {
        if (await store.acquireLease(region, brokerId, limits.leaseMs)) leasedRegions.add(region);
        else leasedRegions.delete(region);
      }),
    );
  }

  async function sweepLeasedRegions(): Promise<void> {
    await Promise.all([...leasedRegions].map((region) => sweepRegion(context, sweepProgress, region)));
  }

  const leasedRegionsWithOrders = (): string[] =>
    [...leasedRegions].filter((region) => fleet.hasOrders(region));

  async function drainLeasedRegions(): Promise<void> {
    await Promise.all(leasedRegionsWithOrders().map((region) => runDrains(context, region)));
  }

  async function rebalanceLeasedRegions(): Promise<void> {
    if (rebalancer === null) return;
    const regions = [...leasedRegions].filter((region) => fleet.isInUse(region));
    await runAll(regions.map((region) => () => runRebalanceRound(context, rebalancer, region)));
  }

  async function pollStore(): Promise<void> {
    const check = storeHealth.beginCheck();
    try {
      const before = leasedRegionsWithOrders();
      const [memoryId] = await Promise.all([store.getMemoryId(), pollAllInboxes(context)]);
      // A drain was ordered on another broker since the last poll. Its first round starts now.
      if (leasedRegionsWithOrders().some((region) => !before.includes(region))) drains.runSoon();
      warnOfDrains();
      if (!storeHealth.isReachable) context.log.info({}, 'store is reachable again');
      storeHealth.recordAnswer(check, memoryId);
    } catch (error) {
      if (toRefusal(error).code !== 'UNAVAILABLE') throw error;
      if (storeHealth.isReachable) context.log.warn({ err: error }, 'store is unreachable');
      storeHealth.recordUnreachable();
    }
  }

  async function verifyClientSessions(): Promise<void> {
    const { isRecovering } = storeHealth;
    await runAll([
      () => repeatEnds(context, isRecovering),
      async () => {
        if (isRecovering) await restoreQueuePositions(context);
      },
      () => verifySessions(isRecovering),
    ]);
  }

  const repeat = (name: string, intervalMs: number, round: () => Promise<void>): Loop =>
    createLoop({
      intervalMs,
      round,
      clock: context.clock,
      onFailed(error) {
        if (toRefusal(error).code !== 'UNAVAILABLE') {
          context.log.error({ err: error, loop: name }, 'loop failed');
          return;
        }
        storeHealth.recordFailure();
        context.observer.storeFailed();
      },
      onOverdue: () =>
        context.log.error({ loop: name }, 'a round of the loop hangs; the next one starts without it'),
    });
  const drains = repeat('drains', intervals.pollMs, drainLeasedRegions);
  const loops = [
    repeat('poll', intervals.pollMs, pollStore),
    repeat('sessions', intervals.pollMs, verifyClientSessions),
    repeat('queues', intervals.queuePollMs, () => pollQueues(context)),
    repeat('lease', limits.leaseRenewMs, renewLeases),
    drains,
    repeat('rebalance', limits.heartbeatIntervalMs, rebalanceLeasedRegions),
    repeat('moves', intervals.pollMs, () => finishOverdueMoves(context)),
    repeat('sweep', limits.sweepIntervalMs, sweepLeasedRegions),
  ];

  return {
    start: () => loops.forEach((loop) => loop.start()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await rebalancer?.close();
      await Promise.allSettled([...leasedRegions].map((region) => store.releaseLease(region, brokerId)));
    },
  };
}
