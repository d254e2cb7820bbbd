import { LoadTestFailure } from '../fleet/load-test-failure.js';
import { formatDuration } from '../plan/duration.js';
import type { RunOptions } from './run-options.js';

/** @throws LoadTestFailure for a fault that cannot be injected with these options, whatever regions the fleet has */
export function validateFaults({ faults, system, hosts, profile, durationMs }: RunOptions): void {
  for (const { kind, text, atMs } of faults) {
    if (system.kind === 'url' && /broker|redis/.test(kind)) {
      throw new LoadTestFailure(
        `${text}: the run can only stop processes that it started. Use --spawn, or stop the process yourself.`,
      );
    }
    if (kind === 'kill-host' && hosts === 0)
      throw new LoadTestFailure(`${text}: the run simulates no hosts. Use --hosts with 1 or more.`);
    if (kind === 'drain' && system.kind === 'url' && system.tokens === undefined) {
      throw new LoadTestFailure(
        `${text}: the order needs an operator token. Set DUSKLINE_AUTH_SECRET to the secret of the brokers.`,
      );
    }
    // The length of a stepped load is not known beforehand.
    if (profile !== 'step' && atMs >= durationMs) {
      throw new LoadTestFailure(
        `${text}: the load ends after ${formatDuration(durationMs)}, before this fault. Use an earlier time or a longer --duration.`,
      );
    }
  }
}

/** @throws LoadTestFailure for a fault in a region that does not exist or has no host of the run */
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
        `${fault.text}: there is no region ${region}. Use one of: ${names.join(', ')}.`,
      );
    }
    // `planWorkers` assigns hosts to the regions in turn.
    if (fault.kind === 'kill-host' && index >= hosts) {
      throw new LoadTestFailure(
        `${fault.text}: none of the run's ${hosts} hosts is in ${region}. Use more --hosts.`,
      );
    }
  }
}
