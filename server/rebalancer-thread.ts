import { Worker } from 'node:worker_threads';
import type { Logger } from './broker/logger.js';
import type { RoundPlan, Rebalancer, RoundRequest } from './broker/rebalance/rebalancer.js';
import type { Catalog } from './domain/catalog.js';
import type { RebalanceLimits } from './domain/rebalance/limits/rebalance-limits.js';
import type { StoreSettings } from './open-store.js';
import type { ServerClock } from './runtime/runtime.js';
import { StoreUnavailableError } from './store/fleet-store.js';

/** Input of the worker thread. Plain data. */
export interface RebalancerSeed {
  readonly store: StoreSettings;
  readonly catalog: Catalog;
  readonly limits: RebalanceLimits;
}

/** Message to the thread: plan a round. */
export interface RebalancerRequest {
  readonly id: number;
  readonly request: RoundRequest;
}

/** Message from the thread: the plan, or why the round failed. */
export type RebalancerReply =
  | { readonly id: number; readonly plan: RoundPlan }
  | { readonly id: number; readonly failure: string; readonly storeUnavailable: boolean };

/** Time limit of a round. The thread is terminated then, since it hangs. */
const ROUND_TIMEOUT_MS = 30_000;

interface PendingRound {
  readonly resolve: (plan: RoundPlan) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Plans rounds of rebalancing in a worker thread with its own store connections, so that reading and planning with tens of
 * thousands of sessions does not delay matches. The thread is started by the first round, and again by the next one after it
 * ended. A new thread starts with an empty cache and the minimum move budget.
 */
export function createRebalancerThread(seed: RebalancerSeed, log: Logger, clock: ServerClock): Rebalancer {
  const pending = new Map<number, PendingRound>();
  let thread: Worker | undefined;
  let lastId = 0;

  function start(): Worker {
    const worker = new Worker(new URL('./rebalancer-worker.js', import.meta.url), { workerData: seed });
    // The thread must not keep the process running.
    worker.unref();
    worker.on('message', handleReply);
    worker.on('error', (error) => {
      log.error({ err: error }, 'rebalancer thread failed');
    });
    worker.on('exit', () => {
      if (thread === worker) thread = undefined;
      for (const { reject } of pending.values())
        reject(new Error('The rebalancer thread ended before it had planned the round.'));
      pending.clear();
    });
    return worker;
  }

  function handleReply(reply: RebalancerReply): void {
    const round = pending.get(reply.id);
    pending.delete(reply.id);
    if ('plan' in reply) round?.resolve(reply.plan);
    else round?.reject(new (reply.storeUnavailable ? StoreUnavailableError : Error)(reply.failure));
  }

  return {
    async planRound(request) {
      const worker = (thread ??= start());
      lastId += 1;
      const message: RebalancerRequest = { id: lastId, request };
      const cancelTimer = clock.setTimer(() => void worker.terminate(), ROUND_TIMEOUT_MS);
      try {
        return await new Promise<RoundPlan>((resolve, reject) => {
          pending.set(message.id, { resolve, reject });
          worker.postMessage(message);
        });
      } finally {
        cancelTimer();
      }
    },
    async close() {
      const worker = thread;
      thread = undefined;
      await worker?.terminate();
    },
  };
}
