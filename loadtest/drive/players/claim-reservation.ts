import { monotonicMs } from '../clock.js';
import type { ReservationClaim } from '../host-calls.js';
import type { HostCallRouter } from '../hosts/host-call-router.js';
import type { TimerWheel } from '../timer-wheel.js';

/** A host that has no room for a ticket yet has it a moment later: the news of the free slot is on its way. */
const RETRY_MS = 100;
const MAX_ATTEMPTS = 20;

export interface ClaimOptions {
  readonly host: string;
  readonly claim: ReservationClaim;
  /** Whether it is worth another attempt. */
  readonly shouldRetry: () => boolean;
  /** Told once whether the player is in; not at all when it is not worth another attempt. */
  readonly onResult: (isIn: boolean) => void;
}

/** A player shows its ticket to a host, a few times if need be. */
export function claimReservation(
  { hostCalls, wheel }: { readonly hostCalls: HostCallRouter; readonly wheel: TimerWheel },
  { host, claim, shouldRetry: goesOn, onResult: done }: ClaimOptions,
): void {
  const show = (attempt: number): void =>
    hostCalls.callHost(host, { kind: 'show', claim }, (isIn) => {
      if (isIn || attempt >= MAX_ATTEMPTS || hostCalls.isKilled(host) || !hostCalls.hasHost(host)) {
        done(isIn);
        return;
      }
      wheel.at(monotonicMs() + RETRY_MS, () => {
        if (goesOn()) show(attempt + 1);
      });
    });
  show(1);
}
