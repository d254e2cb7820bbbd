import type { PoolKey } from '../keys.js';
import type { ScriptConstant } from './script-constants.js';

/** A file of functions that several scripts share: `lua/shared/<name>.lua`. */
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
  // Lua and Redis
  builtins: {},
  clock: { args: ['testNowMs'] },
  memo: {},
  'max-values': {},
  'many-values': { parts: ['max-values'] },
  'new-list': {},
  'load-fields': { parts: ['max-values'] },
  'name-order': {},
  codes: {},

  // Formulas
  congestion: { constants: ['FULL'], parts: ['builtins'] },
  ramping: { constants: ['FULL', 'RAMP_TIME_CONSTANT_MS'], parts: ['builtins'] },
  digest: { parts: ['builtins'] },
  connections: {},

  // Inboxes
  'inbox-changes': { constants: ['INBOX_MAX_BYTES'], keys: ['inbox'], parts: ['clock'] },
  'note-change': { args: ['callerId'], parts: ['inbox-changes'] },
  'wake-ups': { constants: ['WAKE_UPS_PREFIX'], keys: ['inbox'], parts: ['inbox-changes'] },

  // Hosts
  'host-format': {},
  hosts: { keys: ['hosts'], parts: ['builtins', 'load-fields', 'congestion', 'host-format'] },
  'host-changes': {},
  'host-states': { parts: ['host-changes'] },
  'slot-names': { parts: ['builtins'] },
  'commit-hosts': {
    keys: ['hosts', 'endpoints', 'members', 'heartbeats', 'free', 'totals'],
    parts: ['memo', 'many-values', 'host-format', 'hosts', 'host-changes', 'slot-names'],
  },

  // Sessions
  'session-format': {},
  sessions: {
    constants: ['REASON_CODES', 'STATE_CODES'],
    keys: ['sessions'],
    parts: ['builtins', 'memo', 'load-fields', 'codes', 'session-format'],
  },
  'new-session': { parts: ['clock', 'sessions'] },
  'session-records': {
    constants: ['REASON_CODES', 'STATE_CODES'],
    parts: ['memo', 'codes', 'session-format'],
  },
  'session-changes': {},
  'due-lists': {},
  'due-entries': { parts: ['clock', 'memo', 'sessions'] },
  'commit-sessions': {
    keys: ['reserved', 'offers', 'disconnected', 'arriving', 'ended', 'sessions'],
    parts: ['many-values', 'session-records', 'session-changes', 'due-lists'],
  },

  // Slots
  'slot-counts': {},
  commit: {
    keys: ['members', 'totals'],
    parts: ['many-values', 'inbox-changes', 'commit-hosts', 'commit-sessions', 'slot-counts'],
  },
  'host-sessions': { keys: ['members'], parts: ['max-values', 'name-order', 'slot-names', 'sessions'] },
  'free-slots': { parts: ['builtins', 'host-format', 'slot-names'] },
  'take-slot': {
    parts: ['builtins', 'digest', 'host-format', 'host-changes', 'session-changes', 'slot-counts'],
  },
  'free-slot': {
    parts: [
      'clock',
      'ramping',
      'digest',
      'connections',
      'note-change',
      'hosts',
      'host-changes',
      'slot-counts',
    ],
  },
  'session-states': {
    constants: ['RESUME_WINDOW_MS'],
    parts: ['clock', 'digest', 'host-changes', 'session-changes'],
  },
  'delete-session': { keys: ['sessions'], parts: ['sessions'] },

  // Queue
  waiting: { keys: ['waiting'], parts: ['memo'] },
  'delete-waiting': { keys: ['queue', 'waiting', 'attended'] },
  'client-broker': { parts: ['session-changes', 'waiting'] },
  requeue: { keys: ['queue'], parts: ['memo', 'wake-ups'] },
  'serve-queue': {
    constants: ['FULL', 'OFFER_MS', 'SUSPECT_AFTER_MS'],
    keys: ['free', 'queue'],
    parts: [
      'builtins',
      'clock',
      'wake-ups',
      'hosts',
      'host-states',
      'sessions',
      'new-session',
      'commit',
      'take-slot',
      'waiting',
    ],
  },
  'commit-and-serve-queue': { parts: ['commit', 'serve-queue'] },

  // Ends of sessions
  'end-session': {
    constants: ['ENDED_KEPT_MS'],
    parts: ['clock', 'note-change', 'session-changes', 'free-slot', 'delete-session', 'waiting', 'requeue'],
  },
  'ended-reply': { parts: ['session-records', 'end-session'] },
  'remove-host': { parts: ['host-states', 'slot-counts', 'host-sessions', 'ended-reply'] },

  // Others
  'freed-rate': { constants: ['RATE_MEMORY_MS'], parts: ['clock'] },
  'request-records': { constants: ['REQUESTS_PER_PLAYER', 'REQUEST_KEPT_MS'], parts: ['clock'] },
  'request-updates': {},
} as const satisfies Readonly<Record<string, PartDefinition>>;

export type PartName = keyof typeof SCRIPT_PARTS;
