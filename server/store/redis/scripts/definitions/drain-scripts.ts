import type { KeyedScriptDefinition } from '../script-definition.js';

/** Scripts about a region's drains. */
export const DRAIN_SCRIPTS = {
  'drains/compare-and-set-drain': {
    keys: ['drains'],
    args: { target: 'text', before: 'text', after: 'text' },
  },
} as const satisfies Readonly<Record<string, KeyedScriptDefinition>>;
