import { setTimeout as delay } from 'node:timers/promises';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { CommandFailure } from '../output/command-failure.js';
import { RequestFailure, type OperatorClient } from '../fleet/operator-client.js';
import { describeTarget } from '../arguments/target-argument.js';

const POLL_INTERVAL_MS = 1_000;

export interface WatchOptions {
  readonly client: Pick<OperatorClient, 'get'>;
  /** Called with each state of the drain. */
  readonly onReport: (drain: DrainReport) => void;
  /** Called when a request failed and is repeated. */
  readonly onRetry: (failure: RequestFailure) => void;
  /** Ends the watching. The drain itself goes on. */
  readonly stopped: Promise<unknown>;
  /** Resolves when the next request is due. Default: after a second. */
  readonly pause?: () => Promise<unknown>;
}

/**
 * Polls a drain until it is done. A request that fails because the broker is not reachable or restarts is repeated.
 *
 * @returns the drain when it is done; `undefined` when the watching was stopped before
 * @throws CommandFailure when the target was opened again, or the brokers do not know the drain any more
 */
export async function watchDrain(
  first: DrainReport,
  options: WatchOptions,
): Promise<DrainReport | undefined> {
  const { client, onReport, onRetry, pause = () => delay(POLL_INTERVAL_MS) } = options;
  const stopped = options.stopped.then(() => 'stopped' as const);
  let drain = first;
  for (;;) {
    onReport(drain);
    if (drain.state === 'done') return drain;
    if (drain.state === 'undone') {
      throw new CommandFailure(`${describeTarget(drain.target)} was opened again before its drain was done.`);
    }
    if ((await Promise.race([stopped, pause()])) === 'stopped') return undefined;
    const latest = await Promise.race([stopped, fetchDrain(client, drain, onRetry)]);
    if (latest === 'stopped') return undefined;
    drain = latest ?? drain;
  }
}

/** @returns the drain as it is now; `undefined` when the request may be repeated */
async function fetchDrain(
  client: WatchOptions['client'],
  { drainId, target }: DrainReport,
  onRetry: WatchOptions['onRetry'],
): Promise<DrainReport | undefined> {
  try {
    const { drains } = await client.get<{ drains: readonly DrainReport[] }>('/v1/drains');
    const found = drains.find((drain) => drain.drainId === drainId);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof RequestFailure) || !error.retryable) throw error;
    onRetry(error);
    return undefined;
  }
  throw new CommandFailure(
    `The brokers do not know this drain of ${describeTarget(target)} any more: a newer drain may have replaced it. To list all drains: duskline drains`,
  );
}
