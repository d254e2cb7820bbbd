import type { BrokerContext } from './context.js';
import { checkSessions } from './check-sessions.js';
import { createDrainWarnings } from './drain-warnings.js';
import { createLoop, type Loop } from './loop.js';
import { lookEverywhere } from './look.js';
import { watchMoves } from './moves/watch-moves.js';
import type { RoundPlanner } from './rebalance/plan-round.js';
import { rebalance } from './rebalance/rebalance.js';
import { lookAtQueues } from './queue-position.js';
import { toRefusal } from './refusal.js';
import { restorePlaces } from './restore-places.js';
import { runDrains } from './run-drains.js';
import { sweepRegion, type SweepMemory } from './sweep.js';

/** The broker's recurring work. It never stops on an error: the next round tries again. */
export interface Loops {
  start(): void;
  /** Resolves when the rounds under way are over and the leases are given up. */
  stop(): Promise<void>;
}

/** @param planner `null` when nothing is to be rebalanced */
export function createLoops(context: BrokerContext, planner: RoundPlanner | null): Loops {
  const { limits, intervals, store, catalog, brokerId, fleet, doubt } = context;
  const memory: SweepMemory = { recounts: new Map() };
  const held = new Set<string>();
  let round = 0;
  const warnOfDrains = createDrainWarnings(context);

  async function holdLeases(): Promise<void> {
    await Promise.all(
      [...catalog.regions.keys()].map(async (region) => {
        if (await store.holdLease(region, brokerId, limits.leaseMs)) held.add(region);
        else held.delete(region);
      }),
    );
  }

  async function sweepHeld(): Promise<void> {
    await Promise.all([...held].map((region) => sweepRegion(context, memory, region)));
  }

  const heldWithOrders = (): string[] => [...held].filter((region) => fleet.hasOrders(region));

  async function drainHeld(): Promise<void> {
    await Promise.all(heldWithOrders().map((region) => runDrains(context, region)));
  }

  async function rebalanceHeld(): Promise<void> {
    if (planner === null) return;
    for (const region of held) if (fleet.isInUse(region)) await rebalance(context, planner, region);
  }

  async function look(): Promise<void> {
    try {
      const before = heldWithOrders();
      await lookEverywhere(context);
      // Ordered elsewhere since the last look: its first round does not wait for another interval.
      if (heldWithOrders().some((region) => !before.includes(region))) drains.hurry();
      warnOfDrains();
      if (!doubt.answers) context.log.info({}, 'store answers again');
      doubt.noteAnswer();
    } catch (error) {
      if (toRefusal(error).code !== 'UNAVAILABLE') throw error;
      if (doubt.answers) context.log.warn({ err: error }, 'store does not answer');
      doubt.noteSilence();
    }
  }

  async function check(): Promise<void> {
    round += 1;
    if (doubt.inDoubt) await restorePlaces(context);
    await checkSessions(context, round, doubt.inDoubt);
  }

  const repeat = (name: string, intervalMs: number, round: () => Promise<void>): Loop =>
    createLoop({
      intervalMs,
      round,
      onFailed(error) {
        if (toRefusal(error).code !== 'UNAVAILABLE') {
          context.log.error({ err: error, loop: name }, 'loop failed');
          return;
        }
        doubt.noteFailure();
        context.observer.storeFailed();
      },
      onOverdue: () => context.log.error({ loop: name }, 'a round does not end; the loop goes on without it'),
    });
  const drains = repeat('drains', intervals.pollMs, drainHeld);
  const loops = [
    repeat('look', intervals.pollMs, look),
    repeat('sessions', intervals.pollMs, check),
    repeat('queues', intervals.queuePollMs, () => lookAtQueues(context)),
    repeat('lease', limits.leaseRenewMs, holdLeases),
    drains,
    repeat('rebalance', limits.heartbeatIntervalMs, rebalanceHeld),
    repeat('moves', intervals.pollMs, () => watchMoves(context)),
    repeat('sweep', limits.sweepIntervalMs, sweepHeld),
  ];

  return {
    start: () => loops.forEach((loop) => loop.start()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      await planner?.close();
      await Promise.allSettled([...held].map((region) => store.releaseLease(region, brokerId)));
    },
  };
}
