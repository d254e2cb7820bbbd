import { setTimeout as delay } from 'node:timers/promises';
import type { DrainReport } from '../../broker/drain/drain-orders.js';
import { CommandFailure } from '../output/command-failure.js';
import { RequestFailure, type OperatorClient } from '../fleet/operator-client.js';
import { describeTarget } from '../arguments/target-argument.js';

const LOOK_INTERVAL_MS = 1_000;

export interface WatchOptions {
  readonly client: Pick<OperatorClient, 'get'>;
  /** Told of the drain after every look. */
  readonly onReport: (drain: DrainReport) => void;
  /** Told when a look failed and another one follows. */
  readonly onTrouble: (failure: RequestFailure) => void;
  /** Ends the watching, and nothing else. */
  readonly stopped: Promise<unknown>;
  /** Between two looks. A second when absent. */
  readonly pause?: () => Promise<unknown>;
}

/**
 * Looks at a drain until it is done. A broker that is away for a while, or restarted, is asked again.
 *
 * @returns the drain when it is done; `undefined` when the watching was stopped before
 * @throws CommandFailure when the target was opened again, or no broker knows the drain any more
 */
export async function watchDrain(
  first: DrainReport,
  options: WatchOptions,
): Promise<DrainReport | undefined> {
  const { client, onReport, onTrouble, pause = () => delay(LOOK_INTERVAL_MS) } = options;
  const stopped = options.stopped.then(() => 'stopped' as const);
  let drain = first;
  for (;;) {
    onReport(drain);
    if (drain.state === 'done') return drain;
    if (drain.state === 'undone') {
      throw new CommandFailure(`${describeTarget(drain.target)} was opened again before its drain was done.`);
    }
    if ((await Promise.race([stopped, pause()])) === 'stopped') return undefined;
    const seen = await Promise.race([stopped, fetchDrain(client, drain, onTrouble)]);
    if (seen === 'stopped') return undefined;
    drain = seen ?? drain;
  }
}

/** The drain as it is now; `undefined` when the question may be asked again. */
async function fetchDrain(
  client: WatchOptions['client'],
  { drainId, target }: DrainReport,
  onTrouble: WatchOptions['onTrouble'],
): Promise<DrainReport | undefined> {
  try {
    const { drains } = await client.get<{ drains: readonly DrainReport[] }>('/v1/drains');
    const found = drains.find((drain) => drain.drainId === drainId);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof RequestFailure) || !error.retryable) throw error;
    onTrouble(error);
    return undefined;
  }
  throw new CommandFailure(
    `No broker knows this drain of ${describeTarget(target)} any more. \`duskline drains\` shows what there is.`,
  );
}
