import { monotonicMs } from './clock.js';
import type { Claim, HostDesk } from './host-desk.js';
import type { TimerWheel } from './timer-wheel.js';

/** A host that has no room for a ticket yet has it a moment later: the news of the free slot is on its way. */
const AGAIN_MS = 100;
const ATTEMPTS = 20;

export interface ShowOptions {
  readonly host: string;
  readonly claim: Claim;
  /** Whether it is worth another attempt. */
  readonly goesOn: () => boolean;
  /** Told once whether the player is in; not at all when it is not worth another attempt. */
  readonly done: (isIn: boolean) => void;
}

/** A player shows its ticket to a host, a few times if need be. */
export function showTicket(
  { desk, wheel }: { readonly desk: HostDesk; readonly wheel: TimerWheel },
  { host, claim, goesOn, done }: ShowOptions,
): void {
  const show = (attempt: number): void =>
    desk.call(host, { kind: 'show', claim }, (isIn) => {
      if (isIn || attempt >= ATTEMPTS || desk.isGone(host) || !desk.plays(host)) {
        done(isIn);
        return;
      }
      wheel.at(monotonicMs() + AGAIN_MS, () => {
        if (goesOn()) show(attempt + 1);
      });
    });
  show(1);
}
