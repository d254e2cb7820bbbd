import type { HostSessionEvent } from '@duskline/server/domain/host-session/host-session.js';
import { HELD_STATES } from '@duskline/protocol/vocabulary';

const EPOCHS = [1, 2, 3];

/** Every event, about each of three assignments. */
export const ALL_EVENTS: readonly HostSessionEvent[] = EPOCHS.flatMap((epoch): HostSessionEvent[] => [
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
