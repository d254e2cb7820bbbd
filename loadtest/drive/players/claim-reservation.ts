import { monotonicMs } from '../clock.js';
import type { ReservationClaim } from '../host-calls.js';
import type { HostCallRouter } from '../hosts/host-call-router.js';
import type { TimerWheel } from '../timer-wheel.js';

/** A host may get the ticket before it knows of the slot that became free for it, so the player tries again. */
const RETRY_MS = 100;
const MAX_ATTEMPTS = 20;

export interface ClaimOptions {
  readonly host: string;
  readonly claim: ReservationClaim;
  /** Whether the player still wants to be admitted. */
  readonly shouldRetry: () => boolean;
  /** Called once; never when `shouldRetry` gave up. */
  readonly onResult: (isAdmitted: boolean) => void;
}

/** Shows a player's ticket to a host, several times when the host does not admit the player at once. */
export function claimReservation(
  { hostCalls, wheel }: { readonly hostCalls: HostCallRouter; readonly wheel: TimerWheel },
  { host, claim, shouldRetry, onResult }: ClaimOptions,
): void {
  const show = (attempt: number): void =>
    hostCalls.callHost(host, { kind: 'show', claim }, (isAdmitted) => {
      if (isAdmitted || attempt >= MAX_ATTEMPTS || hostCalls.isKilled(host) || !hostCalls.hasHost(host)) {
        onResult(isAdmitted);
        return;
      }
      wheel.at(monotonicMs() + RETRY_MS, () => {
        if (shouldRetry()) show(attempt + 1);
      });
    });
  show(1);
}
