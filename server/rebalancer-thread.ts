import { Worker } from 'node:worker_threads';
import type { Logger } from './broker/logger.js';
import type { RoundPlan, RoundPlanner, RoundRequest } from './broker/rebalance/plan-round.js';
import type { Catalog } from './domain/catalog.js';
import type { RebalanceLimits } from './domain/rebalance/limits/rebalance-limits.js';
import type { StoreSettings } from './open-store.js';
import { StoreUnavailableError } from './store/fleet-store.js';

/** What the thread begins with. Plain data. */
export interface RebalancerSeed {
  readonly store: StoreSettings;
  readonly catalog: Catalog;
  readonly limits: RebalanceLimits;
}

export interface RebalancerRequest {
  readonly id: number;
  readonly request: RoundRequest;
}

export type RebalancerReply =
  | { readonly id: number; readonly plan: RoundPlan }
  | { readonly id: number; readonly failure: string; readonly storeUnavailable: boolean };

/** A round that takes longer is given up, with its thread: something is wrong with it. */
const ROUND_TIMEOUT_MS = 30_000;

interface PendingRound {
  readonly resolve: (plan: RoundPlan) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Plans rounds in a thread of its own, with its own connections to the store: to read tens of thousands of sessions and to
 * plan with them takes a while, in which players are matched. The thread is made for the first round, and anew when it has
 * died; what it remembered is lost then, and is not missed.
 */
export function createRebalancerThread(seed: RebalancerSeed, log: Logger): RoundPlanner {
  const waiting = new Map<number, PendingRound>();
  let thread: Worker | undefined;
  let asked = 0;

  function start(): Worker {
    const worker = new Worker(new URL('./rebalancer-worker.js', import.meta.url), { workerData: seed });
    // It ends with the broker, which does not wait for it.
    worker.unref();
    worker.on('message', (answer: RebalancerReply) => handleReply(answer));
    worker.on('error', (error) => {
      log.error({ err: error }, 'the planner failed');
    });
    worker.on('exit', () => {
      if (thread === worker) thread = undefined;
      for (const { reject } of waiting.values()) reject(new Error('The planner ended.'));
      waiting.clear();
    });
    return worker;
  }

  function handleReply(answer: RebalancerReply): void {
    const waiter = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('plan' in answer) waiter?.resolve(answer.plan);
    else waiter?.reject(new (answer.storeUnavailable ? StoreUnavailableError : Error)(answer.failure));
  }

  return {
    async planRound(request) {
      const worker = (thread ??= start());
      asked += 1;
      const question: RebalancerRequest = { id: asked, request };
      const timer = setTimeout(() => void worker.terminate(), ROUND_TIMEOUT_MS);
      try {
        return await new Promise<RoundPlan>((resolve, reject) => {
          waiting.set(question.id, { resolve, reject });
          worker.postMessage(question);
        });
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      const worker = thread;
      thread = undefined;
      await worker?.terminate();
    },
  };
}
