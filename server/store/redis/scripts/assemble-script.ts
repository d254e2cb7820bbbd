import type { ScriptConstant, ScriptConstants } from './script-constants.js';
import type { ArgumentType, ArgumentTypes, KeyedScriptDefinition } from './script-definition.js';
import { SCRIPT_PARTS, type PartDefinition, type PartName } from './script-parts.js';

/** A script as Redis gets it, and what to send with it. */
export interface AssembledScript {
  readonly lua: string;
  /** Names of the keys to send, in this order; after them come the lists of keys. */
  readonly keys: readonly string[];
  readonly keyLists: readonly string[];
  /** Names of the arguments to send, in this order; after them come the lists. */
  readonly args: readonly string[];
  readonly lists: readonly string[];
}

/** First argument of every script that uses the time. The runner gives it: `null` for the time of Redis. */
export const TEST_NOW = 'testNowMs';

const PART_NAMES = Object.keys(SCRIPT_PARTS) as PartName[];

/**
 * Puts a script together: local names for its constants, keys and arguments, then its parts and the parts that these use, then
 * its own text.
 *
 * @param readLua gives the text of `lua/<name>.lua`
 */
export function assembleScript(
  name: string,
  definition: KeyedScriptDefinition,
  constants: ScriptConstants,
  readLua: (name: string) => string,
): AssembledScript {
  const { onDemand, keyLists = [], lists = {} } = definition;
  const parts = withUsedParts(definition.parts ?? []);
  const partsOnDemand = withUsedParts(onDemand === undefined ? [] : [onDemand]).filter(
    (part) => !parts.includes(part),
  );
  const allParts = [...parts, ...partsOnDemand];
  const keys = collect(allParts, 'keys', definition.keys);
  const usesTime = allParts.includes('values/clock');
  const args: ArgumentTypes = { ...(usesTime && { [TEST_NOW]: 'optional' }), ...definition.args };
  const argNames = Object.keys(args);
  const listNames = Object.keys(lists);
  const readPart = (part: PartName): string => readLua(`shared/${part}`);

  const texts = [
    ...declareConstants(collect(allParts, 'constants', definition.constants), constants),
    ...(keys.length === 0
      ? []
      : [`local ${keys.map((key) => `${luaName(key)}_key`).join(', ')} = unpack(KEYS)`]),
    ...declareLists(
      'KEYS',
      keys.length,
      'key_count',
      keyLists.map((key) => `${luaName(key)}_keys`),
    ),
    ...Object.entries(args).map(([arg, type], i) => `local ${luaName(arg)} = ${argumentLua(type, i + 1)}`),
    ...declareLists('ARGV', argNames.length, 'item_count', listNames.map(luaName)),
    ...parts.map(readPart),
    ...(onDemand === undefined ? [] : declareOnDemand(onDemand, partsOnDemand.map(readPart))),
    readLua(name),
  ];
  return { lua: texts.join('\n'), keys, keyLists, args: argNames, lists: listNames };
}

/** `serve-queue` for `queue/serve-queue`. */
export function partBaseName(part: string): string {
  return part.slice(part.lastIndexOf('/') + 1);
}

/** `reservation_ms` for `reservationMs`; `serve_queue` for `serve-queue`. */
export function luaName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');
}

/** These parts and all that they use, each after those that it uses. */
function withUsedParts(names: readonly PartName[]): PartName[] {
  const used = new Set<string>(names);
  for (const name of PART_NAMES.toReversed()) {
    const { parts = [] }: PartDefinition = SCRIPT_PARTS[name];
    if (used.has(name)) for (const part of parts) used.add(part);
  }
  return PART_NAMES.filter((name) => used.has(name));
}

/** What a script and its parts list, each once. */
function collect(
  parts: readonly PartName[],
  field: 'keys' | 'constants',
  own: readonly string[] = [],
): string[] {
  return [
    ...new Set([...own, ...parts.flatMap((name) => (SCRIPT_PARTS[name] as PartDefinition)[field] ?? [])]),
  ];
}

function declareConstants(names: readonly string[], values: ScriptConstants): string[] {
  return names.map((name) => {
    const value = values[name as ScriptConstant];
    return `local ${name} = ${typeof value === 'number' ? value : `'${value}'`}`;
  });
}

function argumentLua(type: ArgumentType, number: number): string {
  switch (type) {
    case 'text':
      return `ARGV[${number}]`;
    case 'flag':
      return `ARGV[${number}] == '1'`;
    case 'number':
    case 'optional':
      return `tonumber(ARGV[${number}])`;
  }
}

/** Lists of equal length, one after the other, behind `before` single values. */
function declareLists(
  source: 'KEYS' | 'ARGV',
  before: number,
  count: string,
  names: readonly string[],
): string[] {
  if (names.length === 0) return [];
  const slices = names.map(
    (name, i) =>
      `local ${name} = { unpack(${source}, ${before + 1} + ${i} * ${count}, ${before} + ${i + 1} * ${count}) }`,
  );
  return [`local ${count} = (#${source} - ${before}) / ${names.length}`, ...slices];
}

/** A function that makes a part, and those parts that it uses and the script has not, only when it is called. */
function declareOnDemand(name: PartName, texts: readonly string[]): string[] {
  const functionName = luaName(partBaseName(name));
  return [`local function ${functionName}_on_demand()`, ...texts, `${functionName}()`, 'end'];
}
