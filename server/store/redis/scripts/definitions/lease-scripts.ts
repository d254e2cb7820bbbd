import type { KeyedScriptDefinition } from '../script-definition.js';

/** Scripts about leases and the region's background work. */
export const LEASE_SCRIPTS = {
  'leases/acquire-lease': {
    keys: ['lease'],
    args: { holder: 'text', ttlMs: 'number' },
    parts: ['values/clock'],
  },
  'leases/find-due-sweeps': {
    keyLists: [
      'totals',
      'reserved',
      'arriving',
      'disconnected',
      'queue',
      'ended',
      'inbox',
      'offers',
      'attended',
      'heartbeats',
    ],
    args: { silentForMs: 'number', queueGraceMs: 'number' },
    parts: ['values/clock', 'formulas/freed-rate'],
  },
  'leases/release-lease': { keys: ['lease'], args: { holder: 'text' } },
} as const satisfies Readonly<Record<string, KeyedScriptDefinition>>;
