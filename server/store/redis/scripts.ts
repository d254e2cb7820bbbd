import { readFileSync } from 'node:fs';
import { ReplyError, type Cluster, type Redis } from 'ioredis';
import { StoreUnavailableError } from '../fleet-store.js';
import { RATE_MEMORY_MS } from '../store-options.js';
import { linkScript, type LinkedScript } from './lua-linker.js';
import { REASON_LETTERS, STATE_LETTERS } from './stored-letters.js';

/** What scripts that work on one place use: parts of these, the settings before them. */
const PLACE_LIBRARIES = ['clock', 'records', 'lists'];
const CHANGE_LIBRARIES = ['place', 'place-changes', 'queue', 'freed-rate'];
const REGION_LIBRARIES = ['clock', 'freed-rate'];

/** Scripts that run for every match. They use the second lot only to serve those who wait. */
const BATCH_SCRIPTS = ['reserve', 'release'] as const;

/** Those that do not. */
const PLACE_SCRIPTS = [
  'register-host',
  'beat',
  'reconcile',
  'remove-host',
  'transition',
  'attach',
  'restore',
  'host-sessions',
  'enqueue',
  'queue-status',
  'accept',
  'withdraw',
  'find-missed',
  'note-missed',
  'expire-offers',
  'expire-queue',
  'expire-sessions',
  'forget-ended',
  'find-silent',
  'order-silent',
  'recount',
  'close',
  'take-mail',
  'forward',
  'take-letters',
  'tell',
  'hold',
  'arrive',
  'drop-arrival',
  'note-movable',
] as const;

/** Scripts that work on players' requests, with parts of `lua/clock.lua` and `lua/claims.lua`. */
const CLAIM_SCRIPTS = [
  'claim',
  'reclaim',
  'draw-epoch',
  'settle-epoch',
  'move-claim',
  'forget-claim',
] as const;

/** Scripts that look at a whole region, with parts of `lua/clock.lua` and `lua/freed-rate.lua`. */
const REGION_SCRIPTS = ['view-region', 'find-due'] as const;

/** Scripts of one key, with parts of `lua/clock.lua`. */
const SINGLE_KEY_SCRIPTS = ['hold-lease', 'release-lease', 'swap-drain'] as const;

export type PlaceScript = (typeof BATCH_SCRIPTS | typeof PLACE_SCRIPTS)[number];
export type ClaimScript = (typeof CLAIM_SCRIPTS)[number];
type RegionScript = (typeof REGION_SCRIPTS)[number];
type SingleKeyScript = (typeof SINGLE_KEY_SCRIPTS)[number];
export type ScriptName = PlaceScript | ClaimScript | RegionScript | SingleKeyScript;

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
  readonly nudgesPrefix: string;
}

type Command = (keyCount: number, ...keysAndArgs: (string | number)[]) => Promise<unknown>;

/** Lua files stay where they are: they are read, not compiled. Found through the package, for a bundle has other folders. */
const luaFile = (name: string): URL => new URL(import.meta.resolve(`#lua/${name}.lua`));

/** Registers all scripts on a connection; ioredis loads each by its digest when it is first run. */
export function createScriptRunner(redis: Redis | Cluster, settings: ScriptSettings): RunScript {
  const constants = settingsLua(settings);
  const base = [constants, ...PLACE_LIBRARIES.map(readLua)];
  const changes = CHANGE_LIBRARIES.map(readLua);
  const region = [constants, ...REGION_LIBRARIES.map(readLua)];
  const claims = ['clock', 'claims'].map(readLua);
  const keysOf = new Map<ScriptName, readonly number[]>();
  const define = (name: ScriptName, libraries: readonly string[], lazy?: readonly string[]): LinkedScript => {
    const linked = linkScript(readLua(name), libraries, lazy);
    redis.defineCommand(name, { lua: linked.lua });
    return linked;
  };
  for (const name of BATCH_SCRIPTS) keysOf.set(name, define(name, base, changes).keys);
  for (const name of PLACE_SCRIPTS) keysOf.set(name, define(name, [...base, ...changes]).keys);
  for (const name of REGION_SCRIPTS) define(name, region);
  for (const name of CLAIM_SCRIPTS) define(name, claims);
  for (const name of SINGLE_KEY_SCRIPTS) define(name, [readLua('clock')]);
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
function settingsLua({ suspectAfterMs, offerMs, resumeWindowMs, nudgesPrefix }: ScriptSettings): string {
  if (!/^[\w:.-]*$/.test(nudgesPrefix)) throw new RangeError(`"${nudgesPrefix}" cannot stand before keys`);
  return [
    `local SUSPECT_AFTER_MS = ${suspectAfterMs}`,
    `local OFFER_MS = ${offerMs}`,
    `local RESUME_WINDOW_MS = ${resumeWindowMs}`,
    `local RATE_MEMORY_MS = ${RATE_MEMORY_MS}`,
    `local NUDGES = '${nudgesPrefix}'`,
    `local STATES = '${lettersLua(STATE_LETTERS)}'`,
    `local REASONS = '${lettersLua(REASON_LETTERS)}'`,
  ].join('\n');
}

/** `,word=letter,word=letter`: one text, for a table would be made anew at every call. */
function lettersLua(letters: Readonly<Record<string, string>>): string {
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
