import { readFileSync } from 'node:fs';
import { ReplyError, type Cluster, type Redis } from 'ioredis';
import { StoreUnavailableError } from '../contracts/store-unavailable-error.js';
import { RATE_MEMORY_MS } from '../store-options.js';
import { linkScript, type LinkedScript } from './lua-linker.js';
import { REASON_CODES, STATE_CODES } from './stored-codes.js';

/** What scripts that work on one place use: parts of these, the settings before them. */
const POOL_LIBRARIES = ['shared/clock', 'shared/records', 'shared/lists'];
const CHANGE_LIBRARIES = ['shared/pool', 'shared/pool-changes', 'shared/serve-queue', 'shared/freed-rate'];
const REGION_LIBRARIES = ['shared/clock', 'shared/freed-rate'];

/** Scripts that run for every match. They use the second lot only to serve those who wait. */
const BATCH_SCRIPTS = ['sessions/reserve', 'sessions/end-sessions'] as const;

/** Those that do not. */
const POOL_SCRIPTS = [
  'hosts/register-host',
  'hosts/record-heartbeats',
  'hosts/reconcile-host',
  'hosts/remove-host',
  'sessions/update-session-states',
  'sessions/set-client-broker',
  'sessions/restore-sessions',
  'sessions/list-host-sessions',
  'queue/enqueue',
  'queue/get-queue-status',
  'queue/accept-offer',
  'queue/withdraw-placements',
  'queue/find-expired-offers',
  'queue/record-missed-offers',
  'queue/expire-offers',
  'queue/expire-unattended-placements',
  'sessions/expire-sessions',
  'sessions/delete-ended-sessions',
  'hosts/find-silent-hosts',
  'hosts/mark-silent-hosts',
  'hosts/recount-hosts',
  'hosts/set-closure',
  'inbox/take-changed-sessions',
  'inbox/relay-messages',
  'inbox/take-messages',
  'inbox/send-control-message',
  'moves/reserve-target-slot',
  'moves/complete-move',
  'moves/release-target-slot',
  'moves/record-movable-changes',
] as const;

/** Scripts that work on players' requests, with parts of `lua/shared/clock.lua` and `lua/shared/request-records.lua`. */
const REQUEST_SCRIPTS = [
  'requests/record-requests',
  'requests/start-attempt',
  'requests/allocate-epoch',
  'requests/commit-epoch',
  'requests/set-request-pool',
  'requests/delete-request',
] as const;

/** Scripts that look at a whole region, with parts of `lua/shared/clock.lua` and `lua/shared/freed-rate.lua`. */
const REGION_SCRIPTS = ['hosts/get-region-overview', 'leases/find-due-sweeps'] as const;

/** Scripts of one key, with parts of `lua/shared/clock.lua`. */
const SINGLE_KEY_SCRIPTS = [
  'leases/acquire-lease',
  'leases/release-lease',
  'drains/compare-and-set-drain',
] as const;

export type PoolScript = (typeof BATCH_SCRIPTS | typeof POOL_SCRIPTS)[number];
export type RequestScript = (typeof REQUEST_SCRIPTS)[number];
type RegionScript = (typeof REGION_SCRIPTS)[number];
type SingleKeyScript = (typeof SINGLE_KEY_SCRIPTS)[number];
export type ScriptName = PoolScript | RequestScript | RegionScript | SingleKeyScript;

/**
 * Runs a script on the Redis that holds its keys. Rejects with `StoreUnavailableError` when that fails.
 *
 * @param keys of a place, all of them; else those that the script names
 */
export type RunScript = (
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/** What scripts know of the configuration: written before them as constants, for it never changes. */
export interface ScriptSettings {
  readonly suspectAfterMs: number;
  readonly offerMs: number;
  readonly resumeWindowMs: number;
  /** Stands before a broker's id in the name of its channel. */
  readonly wakeUpsPrefix: string;
}

type Command = (keyCount: number, ...keysAndArgs: (string | number)[]) => Promise<unknown>;

/** Lua files stay where they are: they are read, not compiled. Found through the package, for a bundle has other folders. */
const luaFile = (name: string): URL => new URL(import.meta.resolve(`#lua/${name}.lua`));

/** Registers all scripts on a connection; ioredis loads each by its digest when it is first run. */
export function createScriptRunner(redis: Redis | Cluster, settings: ScriptSettings): RunScript {
  const constants = settingsLua(settings);
  const base = [constants, ...POOL_LIBRARIES.map(readLua)];
  const changes = CHANGE_LIBRARIES.map(readLua);
  const region = [constants, ...REGION_LIBRARIES.map(readLua)];
  const claims = ['shared/clock', 'shared/request-records'].map(readLua);
  const keysOf = new Map<ScriptName, readonly number[]>();
  const define = (name: ScriptName, libraries: readonly string[], lazy?: readonly string[]): LinkedScript => {
    const linked = linkScript(readLua(name), libraries, lazy);
    redis.defineCommand(name, { lua: linked.lua });
    return linked;
  };
  for (const name of BATCH_SCRIPTS) keysOf.set(name, define(name, base, changes).keys);
  for (const name of POOL_SCRIPTS) keysOf.set(name, define(name, [...base, ...changes]).keys);
  for (const name of REGION_SCRIPTS) define(name, region);
  for (const name of REQUEST_SCRIPTS) define(name, claims);
  for (const name of SINGLE_KEY_SCRIPTS) define(name, [readLua('shared/clock')]);
  // ioredis adds each script as a method of that name, which its types cannot know.
  const commands = redis as unknown as Record<ScriptName, Command>;

  return async (name, keys, args) => {
    const wanted = keysOf.get(name)?.map((number) => keys[number - 1] ?? '') ?? keys;
    try {
      return await commands[name](wanted.length, ...wanted, ...args);
    } catch (error) {
      throw toStoreError(error);
    }
  };
}

/** @throws RangeError when the prefix holds what would need escaping */
function settingsLua({
  suspectAfterMs,
  offerMs,
  resumeWindowMs,
  wakeUpsPrefix: nudgesPrefix,
}: ScriptSettings): string {
  if (!/^[\w:.-]*$/.test(nudgesPrefix)) throw new RangeError(`"${nudgesPrefix}" cannot stand before keys`);
  return [
    `local SUSPECT_AFTER_MS = ${suspectAfterMs}`,
    `local OFFER_MS = ${offerMs}`,
    `local RESUME_WINDOW_MS = ${resumeWindowMs}`,
    `local RATE_MEMORY_MS = ${RATE_MEMORY_MS}`,
    `local NUDGES = '${nudgesPrefix}'`,
    `local STATES = '${codesLua(STATE_CODES)}'`,
    `local REASONS = '${codesLua(REASON_CODES)}'`,
  ].join('\n');
}

/** `,word=letter,word=letter`: one text, for a table would be made anew at every call. */
function codesLua(letters: Readonly<Record<string, string>>): string {
  return Object.entries(letters)
    .map(([word, letter]) => `,${word}=${letter}`)
    .join('');
}

/** Answers of Redis that say "not now" rather than "your script is wrong"; older ones quote the cause. */
const UNAVAILABLE_REPLY =
  /(?:^|-)(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|OOM|MISCONF|UNBLOCKED)\b/;

/** The error that callers see: whatever keeps Redis from answering is `StoreUnavailableError`. */
export function toStoreError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ReplyError && !UNAVAILABLE_REPLY.test(message)) return error;
  return new StoreUnavailableError(`Redis does not answer: ${message}`, { cause: error });
}

function readLua(name: string): string {
  return readFileSync(luaFile(name), 'utf8');
}
