import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import type { RegionPool } from '../../../domain/catalog.js';
import { POOL_KEYS, type KeySpace, type PoolKey } from '../keys.js';
import { toStoreError } from '../redis-errors.js';
import { TEST_NOW, assembleScript, type AssembledScript } from './assemble-script.js';
import { scriptConstants, type ScriptSettings } from './script-constants.js';
import type { ArgumentType, KeyedScriptDefinition } from './script-definition.js';
import {
  KEYED_SCRIPTS,
  POOL_SCRIPTS,
  type KeyedScript,
  type PoolScript,
  type ScriptName,
} from './script-table.js';

interface ValueOfType {
  readonly text: string;
  readonly number: number;
  readonly flag: boolean;
  readonly optional: number | null;
}
type ValuesOf<Types> = { readonly [K in keyof Types]: ValueOfType[Types[K] & ArgumentType] };
type ListsOf<Types> = { readonly [K in keyof Types]: readonly ValueOfType[Types[K] & ArgumentType][] };

/** The arguments of a script by name, as the table lists them. Lists have an element per item. */
export type ScriptArguments<Definition> = (Definition extends { readonly args: infer Types }
  ? ValuesOf<Types>
  : unknown) &
  (Definition extends { readonly lists: infer Types } ? ListsOf<Types> : unknown);

/** The keys of a script by name; lists have an element per region pool or player. */
export type ScriptKeys<Definition> = (Definition extends { readonly keys: readonly (infer Name)[] }
  ? Readonly<Record<Name & string, string>>
  : unknown) &
  (Definition extends { readonly keyLists: readonly (infer Name)[] }
    ? Readonly<Record<Name & string, readonly string[]>>
    : unknown);

export type PoolScriptArguments<Name extends PoolScript> = ScriptArguments<(typeof POOL_SCRIPTS)[Name]>;

/** Runs scripts on the Redis that holds their keys. Rejects with `StoreUnavailableError` when Redis cannot run one. */
export interface ScriptRunner {
  readonly runInPool: <Name extends PoolScript>(
    name: Name,
    regionPool: RegionPool,
    args: PoolScriptArguments<Name>,
  ) => Promise<unknown>;
  readonly run: <Name extends KeyedScript>(
    name: Name,
    keys: ScriptKeys<(typeof KEYED_SCRIPTS)[Name]>,
    args: ScriptArguments<(typeof KEYED_SCRIPTS)[Name]>,
  ) => Promise<unknown>;
}

export interface ScriptRunnerOptions {
  readonly redis: Redis | Cluster;
  readonly keys: KeySpace;
  readonly settings: ScriptSettings;
  /** The time in milliseconds that scripts use, or `null` for the time of Redis. */
  readonly timeMs: () => number | null;
}

type Value = string | number | boolean | null;
type Values = Readonly<Record<string, Value | readonly Value[]>>;
type Command = (keyCount: number, ...keysAndArgs: (string | number)[]) => Promise<unknown>;

/** Registers all scripts on a connection. ioredis calls each by its digest, and sends its text when Redis does not know it. */
export function createScriptRunner({ redis, keys, settings, timeMs }: ScriptRunnerOptions): ScriptRunner {
  const scripts = assembleScripts(settings);
  for (const [name, { lua }] of scripts) redis.defineCommand(name, { lua });
  // ioredis adds each script as a method of that name, which its types cannot know.
  const commands = redis as unknown as Readonly<Record<string, Command>>;
  const keyNumbers = new Map(
    Array.from(scripts, ([name, script]) => [
      name,
      script.keys.map((key) => POOL_KEYS.indexOf(key as PoolKey)),
    ]),
  );

  async function send(name: ScriptName, keyValues: readonly string[], args: Values): Promise<unknown> {
    const script = scripts.get(name);
    const command = commands[name];
    if (script === undefined || command === undefined) throw new RangeError(`there is no script "${name}"`);
    const values: (string | number)[] = [...keyValues];
    for (const arg of script.args) values.push(encode(arg === TEST_NOW ? timeMs() : (args[arg] as Value)));
    pushLists(values, script.lists, args);
    try {
      return await command.call(redis, keyValues.length, ...values);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  return {
    runInPool(name, regionPool, args) {
      const poolKeys = keys.pool(regionPool);
      const used = (keyNumbers.get(name) ?? []).map((number) => poolKeys[number] ?? '');
      return send(name, used, args as Values);
    },
    run(name, namedKeys, args) {
      const values = namedKeys as Values;
      const used = (scripts.get(name)?.keys ?? []).map((key) => values[key] as string);
      pushLists(used, scripts.get(name)?.keyLists ?? [], values);
      return send(name, used, args as Values);
    },
  };
}

/** Every script by its name, for brokers with these settings. */
export function assembleScripts(settings: ScriptSettings): ReadonlyMap<string, AssembledScript> {
  const constants = scriptConstants(settings);
  const definitions: Readonly<Record<string, KeyedScriptDefinition>> = { ...POOL_SCRIPTS, ...KEYED_SCRIPTS };
  return new Map(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      assembleScript(name, definition, constants, readLua),
    ]),
  );
}

/** Lua files stay where they are: they are read, not compiled. Found through the package, because a bundle has other folders. */
function readLua(name: string): string {
  return readFileSync(new URL(import.meta.resolve(`#lua/${name}.lua`)), 'utf8');
}

/**
 * Appends lists one after the other.
 *
 * @throws RangeError when they differ in length: a script would take elements of one for those of another
 */
function pushLists(values: (string | number)[], names: readonly string[], lists: Values): void {
  const count = names.length === 0 ? 0 : (lists[names[0] ?? ''] as readonly Value[]).length;
  for (const name of names) {
    const list = lists[name] as readonly Value[];
    if (list.length !== count) {
      throw new RangeError(
        `the script argument "${name}" has ${list.length} elements, the first list has ${count}`,
      );
    }
    for (const element of list) values.push(encode(element));
  }
}

function encode(value: Value): string | number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value ?? '';
}
