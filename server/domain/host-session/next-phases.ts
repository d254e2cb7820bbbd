import type { HostSessionEvent, PhaseName } from './host-session.js';

/**
 * The phases to which an event can lead, by the phase before. An event that is not listed does not change the phase. Tests compare this
 * table with `step`, in every state that a session can reach, and with `docs/develop/host-session.md`.
 */
export const NEXT_PHASES: Readonly<
  Record<PhaseName, Readonly<Partial<Record<HostSessionEvent['type'], readonly PhaseName[]>>>>
> = {
  absent: {
    assigned: ['prepared'],
    restore_ordered: ['restoring'],
    reported: ['held'],
    listed: ['held'],
  },
  prepared: {
    restore_ordered: ['restoring'],
    reported: ['held'],
    listed: ['held'],
    unlisted: ['ready'],
    host_ended: ['absent'],
    ended: ['absent'],
    host_lost: ['absent', 'held'],
    refused: ['absent'],
    moved_away: ['absent'],
  },
  ready: {
    assigned: ['prepared'],
    restore_ordered: ['restoring'],
    reported: ['held'],
    listed: ['held'],
    host_ended: ['absent'],
    ended: ['absent'],
    host_lost: ['absent', 'held'],
    refused: ['absent'],
    moved_away: ['absent'],
  },
  restoring: {
    assigned: ['prepared'],
    reported: ['held'],
    listed: ['held'],
    host_ended: ['absent'],
    ended: ['absent'],
    host_lost: ['absent', 'held'],
    refused: ['absent'],
    moved_away: ['absent'],
  },
  held: {
    assigned: ['prepared'],
    restore_ordered: ['restoring'],
    unlisted: ['absent'],
    host_ended: ['absent'],
    ended: ['absent'],
    refused: ['absent'],
    moved_away: ['absent'],
  },
};
