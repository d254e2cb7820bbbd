import type { HostState } from './host-state.js';

/** A host whose last heartbeat is late, as one sweep saw it, by the store's clock. */
export interface SilentHost {
  readonly hostId: string;
  readonly state: HostState;
  /** Since its last heartbeat. */
  readonly silentMs: number;
  /** Since a sweep first found it missing; `null` when none has. */
  readonly missingForMs: number | null;
}

/** When silence means something. */
export interface SilenceLimits {
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  /** Two sweeps count as two only when they are at least this far apart. */
  readonly sweepGapMs: number;
}

export interface SilenceVerdict {
  /** No new placements from now on. */
  readonly suspect: readonly string[];
  /** Found missing for the first time. */
  readonly missing: readonly string[];
  /** Found missing by a second sweep: gone. */
  readonly lost: readonly string[];
  /** So many hosts are silent at once that the fault is more likely ours; nobody is declared lost yet. */
  readonly massSilence: boolean;
}

/** From this share of a place's hosts on, silence is suspicious of the broker rather than of the hosts. */
const MASS_SILENCE_SHARE = 0.5;

/** In a place of one or two hosts, "half of them" says nothing. */
const MASS_SILENCE_MIN_HOSTS = 3;

/** How much longer hosts that fell silent together are waited for. Bounded: a region may really be gone. */
const MASS_SILENCE_FACTOR = 3;

/**
 * Judges the silent hosts of one place: suspicion before death, death only by two sweeps.
 *
 * The two-sweep rule is BullMQ's for stalled jobs; the guard against mass silence answers
 * livekit/livekit#4663 (a Redis outage made every healthy node look dead at once).
 *
 * @param look `cutShort` when more hosts are silent than `silent` lists: how many is not known, and in a
 *   large place half of them may never fit into one list, so that counts as mass silence
 */
export function judgeSilentHosts(
  hostsInPlace: number,
  silent: readonly SilentHost[],
  limits: SilenceLimits,
  { cutShort }: { readonly cutShort: boolean } = { cutShort: false },
): SilenceVerdict {
  const late = silent.filter((host) => host.silentMs > limits.suspectAfterMs);
  const isMass = cutShort || late.length >= hostsInPlace * MASS_SILENCE_SHARE;
  const massSilence = late.length >= MASS_SILENCE_MIN_HOSTS && isMass;
  const lostAfterMs = limits.lostAfterMs * (massSilence ? MASS_SILENCE_FACTOR : 1);
  const gone = late.filter((host) => host.silentMs > lostAfterMs);
  return {
    suspect: late
      .filter((host) => host.state === 'ready' || host.state === 'joining')
      .map((host) => host.hostId),
    missing: gone.filter((host) => host.missingForMs === null).map((host) => host.hostId),
    lost: gone
      .filter((host) => host.missingForMs !== null && host.missingForMs >= limits.sweepGapMs)
      .map((host) => host.hostId),
    massSilence,
  };
}
