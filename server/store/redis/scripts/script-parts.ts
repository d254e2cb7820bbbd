import type { PoolKey } from '../keys.js';
import type { ScriptConstant } from './script-constants.js';

/** A file of functions that several scripts share: `lua/shared/<subject>/<name>.lua`. */
export interface PartDefinition {
  /** Constants that the part uses itself; likewise the other lists. */
  readonly constants?: readonly ScriptConstant[];
  /** Keys of the region pool. */
  readonly keys?: readonly PoolKey[];
  /** Arguments that every script with this part has. */
  readonly args?: readonly string[];
  /** Other parts, from those before this one. */
  readonly parts?: readonly string[];
}

/**
 * The shared parts, each after those that it uses. Redis makes every function of a script anew at each call (about 0.1 µs), so
 * a part has few functions, and a script gets only the parts that it lists and what these use.
 */
export const SCRIPT_PARTS = {
  'values/builtins': {},
  'values/clock': { args: ['testNowMs'] },
  'values/memo': {},
  'values/max-values': {},
  'values/many-values': { parts: ['values/max-values'] },
  'values/new-list': {},
  'values/load-fields': { parts: ['values/max-values'] },
  'values/name-order': {},
  'values/codes': {},

  'formulas/congestion': { constants: ['FULL'], parts: ['values/builtins'] },
  'formulas/ramping': { constants: ['FULL', 'RAMP_TIME_CONSTANT_MS'], parts: ['values/builtins'] },
  'formulas/digest': { parts: ['values/builtins'] },
  'values/connections': {},

  'inbox/inbox-changes': { constants: ['INBOX_MAX_BYTES'], keys: ['inbox'], parts: ['values/clock'] },
  'inbox/record-change': { args: ['callerId'], parts: ['inbox/inbox-changes'] },
  'inbox/wake-ups': { constants: ['WAKE_UPS_PREFIX'], keys: ['inbox'], parts: ['inbox/inbox-changes'] },

  'hosts/host-format': {},
  'hosts/hosts': {
    keys: ['hosts'],
    parts: ['values/builtins', 'values/load-fields', 'formulas/congestion', 'hosts/host-format'],
  },
  'hosts/host-changes': {},
  'hosts/host-states': { parts: ['hosts/host-changes'] },
  'hosts/closures': { keys: ['totals'] },
  'hosts/host-failures': {
    constants: ['FIRST_BACK_OFF_MS', 'MAX_BACK_OFF_MS'],
    keys: ['failures'],
    parts: ['values/clock', 'hosts/closures'],
  },
  'hosts/trials': {},
  'hosts/close-trials': { parts: ['hosts/trials', 'hosts/host-failures'] },
  'hosts/end-back-off': {
    constants: ['MAX_BACK_OFF_MS'],
    parts: ['values/clock', 'hosts/host-states', 'hosts/closures', 'hosts/host-failures'],
  },
  'hosts/slot-names': { parts: ['values/builtins'] },
  'hosts/commit-hosts': {
    keys: ['hosts', 'endpoints', 'members', 'heartbeats', 'free', 'totals'],
    parts: [
      'values/memo',
      'values/many-values',
      'hosts/host-format',
      'hosts/hosts',
      'hosts/host-changes',
      'hosts/slot-names',
    ],
  },

  'sessions/session-format': {},
  'sessions/sessions': {
    constants: ['REASON_CODES', 'STATE_CODES'],
    keys: ['sessions'],
    parts: [
      'values/builtins',
      'values/memo',
      'values/load-fields',
      'values/codes',
      'sessions/session-format',
    ],
  },
  'sessions/new-session': { parts: ['values/clock', 'sessions/sessions'] },
  'sessions/session-records': {
    constants: ['REASON_CODES', 'STATE_CODES'],
    parts: ['values/memo', 'values/codes', 'sessions/session-format'],
  },
  'sessions/session-changes': {},
  'sessions/due-lists': {},
  'sessions/due-entries': { parts: ['values/clock', 'values/memo', 'sessions/sessions'] },
  'sessions/commit-sessions': {
    keys: ['reserved', 'offers', 'disconnected', 'arriving', 'ended', 'sessions'],
    parts: [
      'values/many-values',
      'sessions/session-records',
      'sessions/session-changes',
      'sessions/due-lists',
    ],
  },

  'slots/slot-counts': {},
  'slots/commit': {
    keys: ['members', 'totals'],
    parts: [
      'values/many-values',
      'inbox/inbox-changes',
      'hosts/commit-hosts',
      'sessions/commit-sessions',
      'slots/slot-counts',
    ],
  },
  'sessions/host-sessions': {
    keys: ['members'],
    parts: ['values/max-values', 'values/name-order', 'hosts/slot-names', 'sessions/sessions'],
  },
  'slots/spare-slots': {
    constants: ['SUSPECT_AFTER_MS'],
    keys: ['lost', 'free', 'hosts', 'failures'],
    parts: ['values/clock', 'hosts/host-format'],
  },
  'slots/free-slots': { parts: ['values/builtins', 'hosts/host-format', 'hosts/slot-names'] },
  'slots/assign-slot': {
    parts: [
      'values/builtins',
      'formulas/digest',
      'hosts/host-format',
      'hosts/host-changes',
      'sessions/session-changes',
      'slots/slot-counts',
    ],
  },
  'slots/release-slot': {
    parts: [
      'values/clock',
      'formulas/ramping',
      'formulas/digest',
      'values/connections',
      'inbox/record-change',
      'hosts/hosts',
      'hosts/host-changes',
      'slots/slot-counts',
    ],
  },
  'sessions/session-states': {
    constants: ['RESUME_WINDOW_MS'],
    parts: ['values/clock', 'formulas/digest', 'hosts/host-changes', 'sessions/session-changes'],
  },
  'sessions/delete-session': { keys: ['sessions'], parts: ['sessions/sessions'] },

  'queue/waiting': { keys: ['waiting'], parts: ['values/memo'] },
  'queue/delete-waiting': { keys: ['queue', 'waiting', 'attended'] },
  'queue/client-broker': { parts: ['sessions/session-changes', 'queue/waiting'] },
  'queue/requeue': { keys: ['queue'], parts: ['values/memo', 'inbox/wake-ups'] },
  'queue/serve-queue': {
    constants: ['FULL', 'OFFER_MS', 'SUSPECT_AFTER_MS'],
    keys: ['free', 'queue'],
    parts: [
      'values/builtins',
      'values/clock',
      'inbox/wake-ups',
      'hosts/hosts',
      'hosts/host-states',
      'hosts/host-failures',
      'sessions/sessions',
      'sessions/new-session',
      'slots/commit',
      'slots/assign-slot',
      'slots/spare-slots',
      'queue/waiting',
    ],
  },
  'queue/commit-and-serve-queue': { parts: ['slots/commit', 'queue/serve-queue'] },

  'sessions/lost-sessions': {
    constants: ['LOST_FIRST_MS', 'MAX_LOST_FIRST'],
    keys: ['lost'],
    parts: ['values/builtins', 'values/clock'],
  },
  'sessions/end-session': {
    constants: ['ENDED_KEPT_MS'],
    parts: [
      'values/clock',
      'sessions/lost-sessions',
      'inbox/record-change',
      'sessions/session-changes',
      'slots/release-slot',
      'sessions/delete-session',
      'queue/waiting',
      'queue/requeue',
    ],
  },
  'hosts/withdraw-offers': { parts: ['sessions/host-sessions', 'sessions/end-session'] },
  'hosts/count-failure': {
    constants: ['FAILURES_KEPT_MS'],
    parts: ['values/clock', 'hosts/host-states', 'hosts/host-failures', 'hosts/withdraw-offers'],
  },
  'sessions/ended-reply': { parts: ['sessions/session-records', 'sessions/end-session'] },
  'hosts/remove-host': {
    parts: ['hosts/host-states', 'slots/slot-counts', 'sessions/host-sessions', 'sessions/ended-reply'],
  },

  'formulas/freed-rate': { constants: ['RATE_MEMORY_MS'], parts: ['values/clock'] },
  'requests/request-records': { constants: ['REQUEST_KEPT_MS'], parts: ['values/clock'] },
  'requests/request-updates': { constants: ['REQUESTS_PER_PLAYER', 'REQUEST_KEPT_MS'] },
  'requests/session-line': { parts: ['requests/request-records'] },
} as const satisfies Readonly<Record<string, PartDefinition>>;

export type PartName = keyof typeof SCRIPT_PARTS;
