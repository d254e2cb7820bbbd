import { DRAIN_SCRIPTS } from './definitions/drain-scripts.js';
import { HOST_OVERVIEW_SCRIPTS, HOST_SCRIPTS } from './definitions/host-scripts.js';
import { INBOX_SCRIPTS } from './definitions/inbox-scripts.js';
import { LEASE_SCRIPTS } from './definitions/lease-scripts.js';
import { MOVE_SCRIPTS } from './definitions/move-scripts.js';
import { QUEUE_SCRIPTS } from './definitions/queue-scripts.js';
import { REQUEST_SCRIPTS } from './definitions/request-scripts.js';
import { SESSION_SCRIPTS } from './definitions/session-scripts.js';

/**
 * All scripts of the Redis store, by the names of their files in `lua/`. Each says what it uses itself; the loader adds what its
 * parts use. A test holds the table to what the Lua files use.
 */

/** Scripts that work on one region pool. */
export const POOL_SCRIPTS = {
  ...HOST_SCRIPTS,
  ...SESSION_SCRIPTS,
  ...QUEUE_SCRIPTS,
  ...INBOX_SCRIPTS,
  ...MOVE_SCRIPTS,
};

/** Scripts that work on a player's requests, a lease, a region's drains, or all pools of a region. */
export const KEYED_SCRIPTS = {
  ...HOST_OVERVIEW_SCRIPTS,
  ...REQUEST_SCRIPTS,
  ...DRAIN_SCRIPTS,
  ...LEASE_SCRIPTS,
};

export type PoolScript = keyof typeof POOL_SCRIPTS;
export type KeyedScript = keyof typeof KEYED_SCRIPTS;
export type ScriptName = PoolScript | KeyedScript;
