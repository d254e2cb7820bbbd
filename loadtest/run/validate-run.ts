import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { formatDuration } from '../plan/duration.js';
import type { RunOptions } from './run-options.js';

/** @throws LoadTestFailure for a fault that could not happen in this run, whatever the fleet is like */
export function validateFaults({ faults, target, hosts, profile, durationMs }: RunOptions): void {
  for (const { kind, text, atMs } of faults) {
    if (target.kind === 'url' && /broker|redis/.test(kind)) {
      throw new LoadTestFailure(
        `${text}: only processes that the run started can be stopped. Use --spawn, or stop yours yourself.`,
      );
    }
    if (kind === 'kill-host' && hosts === 0) throw new LoadTestFailure(`${text}: the run plays no hosts.`);
    if (kind === 'drain' && target.kind === 'url' && target.tokens === undefined) {
      throw new LoadTestFailure(`${text}: an operator's token is needed. Set DUSKLINE_AUTH_SECRET.`);
    }
    // How long a load in steps lasts shows when something breaks.
    if (profile !== 'step' && atMs >= durationMs) {
      throw new LoadTestFailure(`${text}: the load is over by then, it lasts ${formatDuration(durationMs)}.`);
    }
  }
}

/** @throws LoadTestFailure for a fault in a region that is not there, or that has nothing to break */
export function validateFaultRegions(
  { faults, hosts }: Pick<RunOptions, 'faults' | 'hosts'>,
  regions: readonly { readonly region: string }[],
): void {
  const names = regions.map(({ region }) => region);
  for (const fault of faults) {
    const region = fault.kind === 'kill-host' || fault.kind === 'drain' ? fault.region : undefined;
    if (region === undefined) continue;
    const index = names.indexOf(region);
    if (index === -1) {
      throw new LoadTestFailure(
        `${fault.text}: there is no region ${region}. There are ${names.join(', ')}.`,
      );
    }
    // Hosts are dealt out to the regions in turn.
    if (fault.kind === 'kill-host' && index >= hosts) {
      throw new LoadTestFailure(`${fault.text}: none of the run's ${hosts} hosts stands in ${region}.`);
    }
  }
}
