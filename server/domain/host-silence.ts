import type { HostState } from './host-state.js';

/** A host whose last heartbeat is late, as a sweep read it. Durations are by the store's clock. */
export interface SilentHost {
  readonly hostId: string;
  readonly state: HostState;
  /** Time since its last heartbeat. */
  readonly silentMs: number;
  /** Time since a sweep first found it missing; `null` if none has. */
  readonly missingForMs: number | null;
}

/** Time limits of silence (`Limits`). */
export interface SilenceLimits {
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  /** Minimum time between the two sweeps that declare a host lost. */
  readonly sweepGapMs: number;
}

/** Host ids by what a sweep has to do with them. */
export interface SilenceVerdict {
  /** They become `suspect`: no new placements. */
  readonly suspect: readonly string[];
  /** Silent for longer than `lostAfterMs`, found by a sweep for the first time. */
  readonly missing: readonly string[];
  /** Found missing by a second sweep: the hosts and their sessions are lost. */
  readonly lost: readonly string[];
  /** So many hosts are silent at once that a fault of the broker or its network is more likely. Hosts are lost later then. */
  readonly massSilence: boolean;
}

/** When at least this share of a region pool's hosts is silent, a fault of the broker or its network is more likely. */
const MASS_SILENCE_SHARE = 0.5;

/** With fewer silent hosts there is no mass silence: in a region pool of two hosts, one host is half of them. */
const MASS_SILENCE_MIN_HOSTS = 3;

/** Factor on `lostAfterMs` during mass silence. Bounded, since the hosts may really have failed. */
const MASS_SILENCE_FACTOR = 3;

/**
 * Decides which silent hosts of a region pool are suspect, missing or lost. A host is lost only after two sweeps found it
 * missing (as BullMQ does for stalled jobs). Mass silence delays that: in livekit/livekit#4663 a Redis outage made every
 * healthy node look dead at once.
 *
 * @param hostsInPool number of hosts of the region pool
 * @param options.cutShort more hosts are silent than `silent` lists. That counts as mass silence, since the share is unknown.
 */
export function judgeSilentHosts(
  hostsInPool: number,
  silent: readonly SilentHost[],
  limits: SilenceLimits,
  { cutShort }: { readonly cutShort: boolean } = { cutShort: false },
): SilenceVerdict {
  const late = silent.filter((host) => host.silentMs > limits.suspectAfterMs);
  const isMass = cutShort || late.length >= hostsInPool * MASS_SILENCE_SHARE;
  const massSilence = late.length >= MASS_SILENCE_MIN_HOSTS && isMass;
  const lostAfterMs = limits.lostAfterMs * (massSilence ? MASS_SILENCE_FACTOR : 1);
  const missing = late.filter((host) => host.silentMs > lostAfterMs);
  return {
    suspect: late
      .filter((host) => host.state === 'ready' || host.state === 'joining')
      .map((host) => host.hostId),
    missing: missing.filter((host) => host.missingForMs === null).map((host) => host.hostId),
    lost: missing
      .filter((host) => host.missingForMs !== null && host.missingForMs >= limits.sweepGapMs)
      .map((host) => host.hostId),
    massSilence,
  };
}
