import { parentPort, workerData } from 'node:worker_threads';
import { createRebalancer } from './broker/rebalance/plan-round.js';
import { openStore } from './open-store.js';
import type { RebalancerReply, RebalancerRequest, RebalancerSeed } from './rebalancer-thread.js';
import { systemRuntime } from './runtime/system-runtime.js';
import { StoreUnavailableError, type FleetStore } from './store/fleet-store.js';

// Entry point of the rebalancer's worker thread. The broker terminates it.

const seed = workerData as RebalancerSeed;
let store: Promise<FleetStore> | undefined;
let rebalancer: ReturnType<typeof createRebalancer> | undefined;

async function planRound({ id, request }: RebalancerRequest): Promise<RebalancerReply> {
  try {
    // Each round tries to open the store until it succeeds: Redis may be unreachable at first.
    store ??= openStore(seed.store, systemRuntime, () => undefined);
    rebalancer ??= createRebalancer(await store, seed.catalog, seed.limits, systemRuntime.clock);
    return { id, plan: await rebalancer.planRound(request) };
  } catch (error) {
    if (rebalancer === undefined) store = undefined;
    const failure = error instanceof Error ? error.message : String(error);
    return { id, failure, storeUnavailable: error instanceof StoreUnavailableError };
  }
}

parentPort?.on('message', (message: RebalancerRequest) => {
  void planRound(message).then((reply) => parentPort?.postMessage(reply));
});
