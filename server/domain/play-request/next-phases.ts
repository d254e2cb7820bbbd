import type { RequestEvent } from './events.js';
import type { PhaseName, Placed } from './play-request.js';

/**
 * The phases to which an event can lead, by the phase before. An event that is not listed does not change the phase: it is
 * ignored, or changes other fields of the request. Tests compare this table with `step` and with `docs/develop/play-request.md`.
 */
export const NEXT_PHASES: Readonly<
  Record<PhaseName, Readonly<Partial<Record<RequestEvent<Placed>['type'], readonly PhaseName[]>>>>
> = {
  recording: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    recorded: ['locating', 'inspecting', 'replacing', 'placing', 'describing', 'leaving', 'closed'],
    reserved: ['locating', 'inspecting', 'replacing'],
    failed: ['locating', 'inspecting', 'replacing', 'leaving', 'closed'],
  },
  locating: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    located: ['starting', 'describing', 'waiting', 'closed'],
    failed: ['closed'],
  },
  inspecting: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    inspected: ['replacing', 'resuming', 'closed'],
    failed: ['closed'],
  },
  replacing: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    replaced: ['inspecting', 'placing', 'closed'],
    failed: ['leaving', 'closed'],
  },
  resuming: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    resumed: ['locating', 'inspecting', 'replacing', 'describing', 'waiting', 'closed'],
    failed: ['closed'],
  },
  starting: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    attempt_started: ['locating', 'placing', 'closed'],
    failed: ['closed'],
  },
  placing: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    reserved: ['describing', 'waiting', 'leaving', 'closed'],
    failed: ['leaving', 'closed'],
  },
  describing: {
    cancelled: ['leaving'],
    replaced_by_other: ['closed'],
    joined: ['leaving'],
    described: ['leaving', 'closed'],
    failed: ['leaving'],
  },
  waiting: {
    cancelled: ['leaving'],
    disconnected: ['closed'],
    replaced_by_other: ['closed'],
    offer_received: ['offered', 'confirming'],
    missed_second_offer: ['leaving'],
    polled: ['describing', 'offered', 'confirming', 'leaving', 'closed'],
    joined: ['leaving', 'closed'],
    confirmed: ['describing', 'closed'],
    verified: ['leaving', 'closed'],
    requeued: ['closed'],
    failed: ['leaving', 'closed'],
  },
  offered: {
    cancelled: ['leaving'],
    accepted: ['confirming'],
    disconnected: ['closed'],
    replaced_by_other: ['closed'],
    missed_second_offer: ['leaving'],
    polled: ['describing', 'waiting', 'leaving', 'closed'],
    joined: ['leaving', 'closed'],
    confirmed: ['describing', 'closed'],
    verified: ['leaving', 'closed'],
    requeued: ['waiting', 'closed'],
    failed: ['leaving'],
  },
  confirming: {
    cancelled: ['leaving'],
    disconnected: ['closed'],
    replaced_by_other: ['closed'],
    offer_received: ['offered'],
    missed_second_offer: ['leaving'],
    polled: ['describing', 'waiting', 'offered', 'leaving', 'closed'],
    joined: ['leaving', 'closed'],
    confirmed: ['describing', 'waiting', 'closed'],
    verified: ['leaving', 'closed'],
    requeued: ['waiting', 'closed'],
    failed: ['leaving'],
  },
  leaving: {
    reserved: ['closed'],
    confirmed: ['closed'],
    left: ['closed'],
    failed: ['closed'],
  },
  closed: {},
};
