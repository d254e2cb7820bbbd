import type { KeyedScriptDefinition, PoolScriptDefinition } from '../script-definition.js';

/** Scripts about the hosts of one region pool. */
export const HOST_SCRIPTS = {
  'hosts/find-silent-hosts': {
    keys: ['heartbeats', 'hosts'],
    args: { silentForMs: 'number', limit: 'number' },
    parts: ['values/clock', 'values/many-values', 'hosts/hosts'],
  },
  'hosts/mark-silent-hosts': {
    args: { callerId: 'text' },
    lists: { hostIds: 'text', heartbeatTimes: 'number', marks: 'text' },
    parts: [
      'values/clock',
      'hosts/hosts',
      'hosts/host-changes',
      'hosts/host-states',
      'queue/commit-and-serve-queue',
      'hosts/remove-host',
    ],
  },
  'hosts/reconcile-host': {
    keys: ['failures', 'lost'],
    args: { callerId: 'text', hostId: 'text', connectionId: 'text' },
    lists: { sessionIds: 'text', epochs: 'number', states: 'text' },
    constants: ['RESUME_WINDOW_MS', 'REVERSIBLE_REASONS'],
    parts: [
      'values/clock',
      'inbox/record-change',
      'hosts/hosts',
      'hosts/host-states',
      'sessions/sessions',
      'sessions/new-session',
      'sessions/session-records',
      'sessions/host-sessions',
      'slots/assign-slot',
      'slots/release-slot',
      'sessions/session-states',
      'queue/delete-waiting',
      'queue/serve-queue',
      'queue/commit-and-serve-queue',
      'sessions/ended-reply',
    ],
  },
  'hosts/record-heartbeats': {
    keys: ['heartbeats'],
    lists: { hostIds: 'text', connectionIds: 'text', measuredLoads: 'number', digests: 'number' },
    parts: [
      'values/clock',
      'values/many-values',
      'formulas/ramping',
      'hosts/hosts',
      'hosts/host-changes',
      'hosts/host-states',
      'hosts/end-back-off',
      'queue/commit-and-serve-queue',
    ],
  },
  'hosts/recount-hosts': {
    keys: ['hosts', 'totals', 'free', 'heartbeats', 'failures'],
    args: { cursor: 'text', count: 'number' },
    constants: ['FAILURES_KEPT_MS'],
    parts: [
      'values/clock',
      'values/memo',
      'formulas/digest',
      'hosts/host-format',
      'hosts/hosts',
      'hosts/host-changes',
      'hosts/host-states',
      'hosts/closures',
      'hosts/host-failures',
      'slots/slot-counts',
      'sessions/host-sessions',
      'slots/free-slots',
      'slots/commit',
      'queue/commit-and-serve-queue',
    ],
  },
  'hosts/register-host': {
    keys: ['totals', 'failures', 'endpoints', 'heartbeats'],
    args: { hostId: 'text', connectionId: 'text', slots: 'number', endpoint: 'text' },
    parts: [
      'values/clock',
      'formulas/digest',
      'hosts/hosts',
      'hosts/host-changes',
      'hosts/host-states',
      'sessions/host-sessions',
      'slots/free-slots',
      'queue/commit-and-serve-queue',
    ],
  },
  'hosts/remove-host': {
    args: { callerId: 'text', hostId: 'text', connectionId: 'text' },
    parts: ['hosts/hosts', 'queue/commit-and-serve-queue', 'hosts/remove-host'],
  },
  'hosts/record-host-failure': {
    args: { callerId: 'text', hostId: 'text', reason: 'text', reservedAt: 'number' },
    parts: ['hosts/hosts', 'hosts/count-failure', 'queue/commit-and-serve-queue'],
  },
  'hosts/fail-reservation': {
    keys: ['lost'],
    args: { callerId: 'text', hostId: 'text', sessionId: 'text', epoch: 'number', reason: 'text' },
    parts: [
      'hosts/hosts',
      'hosts/count-failure',
      'sessions/sessions',
      'queue/serve-queue',
      'queue/commit-and-serve-queue',
      'sessions/ended-reply',
    ],
  },
  'hosts/change-closures': {
    keys: ['failures', 'attended'],
    args: { callerId: 'text', hostId: 'text', closure: 'text', change: 'text' },
    parts: [
      'inbox/wake-ups',
      'hosts/hosts',
      'hosts/host-states',
      'hosts/closures',
      'hosts/withdraw-offers',
      'sessions/sessions',
      'queue/waiting',
      'queue/delete-waiting',
      'queue/commit-and-serve-queue',
      'sessions/end-session',
    ],
  },
} as const satisfies Readonly<Record<string, PoolScriptDefinition>>;

/** Scripts that read all region pools of a region. */
export const HOST_OVERVIEW_SCRIPTS = {
  'hosts/get-region-overview': {
    keys: ['drains'],
    keyLists: ['hosts', 'totals', 'inbox', 'queue'],
    args: { brokerId: 'text' },
  },
} as const satisfies Readonly<Record<string, KeyedScriptDefinition>>;
