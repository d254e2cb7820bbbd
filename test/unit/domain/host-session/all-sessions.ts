import {
  ABSENT,
  type HostSession,
  type HostSessionEvent,
  type HostTransition,
} from '@duskline/server/domain/host-session/host-session.js';
import { step } from '@duskline/server/domain/host-session/step.js';
import { HELD_STATES } from '@duskline/protocol/vocabulary';

const EPOCHS = [1, 2, 3];

/** Every event, about each of three assignments. */
const EVENTS: readonly HostSessionEvent[] = EPOCHS.flatMap((epoch): HostSessionEvent[] => [
  { type: 'assigned', epoch },
  { type: 'restore_ordered', epoch },
  ...HELD_STATES.flatMap((state): HostSessionEvent[] => [
    { type: 'reported', epoch, state },
    { type: 'listed', epoch, state },
  ]),
  { type: 'unlisted', prepared: epoch },
  { type: 'unlisted', prepared: 'none' },
  { type: 'unlisted', prepared: undefined },
  { type: 'host_ended', epoch },
  { type: 'ended', epoch, reason: 'client_left' },
  { type: 'host_lost', epoch },
  { type: 'refused', epoch },
  { type: 'moved_away', epoch },
  { type: 'adopted' },
  { type: 'movable_recorded', epoch, movable: true },
  { type: 'movable_recorded', epoch, movable: false },
]);

export interface Outcome {
  readonly before: HostSession;
  readonly event: HostSessionEvent;
  readonly after: HostTransition;
}

/** Every event in every state that a session can reach. */
export function allOutcomes(): Outcome[] {
  const seen = new Map<string, HostSession>([[JSON.stringify(ABSENT), ABSENT]]);
  const outcomes: Outcome[] = [];
  for (const before of seen.values()) {
    for (const event of EVENTS) {
      const after = step(before, event);
      outcomes.push({ before, event, after });
      seen.set(JSON.stringify(after.session), after.session);
    }
  }
  return outcomes;
}
