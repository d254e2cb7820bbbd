import { DEFAULT_BACK_OFF } from '@duskline/server/domain/host-failures.js';
import { expect } from 'chai';
import luaparse from 'luaparse';
import { readFileSync, readdirSync } from 'node:fs';
import {
  TEST_NOW,
  assembleScript,
  luaName,
  partBaseName,
} from '@duskline/server/store/redis/scripts/assemble-script.js';
import { scriptConstants } from '@duskline/server/store/redis/scripts/script-constants.js';
import type { KeyedScriptDefinition } from '@duskline/server/store/redis/scripts/script-definition.js';
import { SCRIPT_PARTS, type PartDefinition } from '@duskline/server/store/redis/scripts/script-parts.js';
import { assembleScripts } from '@duskline/server/store/redis/scripts/script-runner.js';
import { KEYED_SCRIPTS, POOL_SCRIPTS } from '@duskline/server/store/redis/scripts/script-table.js';

const LUA = new URL('../../../../server/store/redis/lua/', import.meta.url);

const SETTINGS = {
  suspectAfterMs: 4_000,
  offerMs: 15_000,
  resumeWindowMs: 120_000,
  backOff: DEFAULT_BACK_OFF,
  wakeUpsPrefix: 'p:',
};

/** Globals that Redis gives every script. */
const REDIS_GLOBALS = new Set(
  'KEYS ARGV redis bit cjson struct math string table ipairs pairs setmetatable tonumber tostring unpack'.split(
    ' ',
  ),
);

const SCRIPTS: Readonly<Record<string, KeyedScriptDefinition>> = { ...POOL_SCRIPTS, ...KEYED_SCRIPTS };
const PARTS: Readonly<Record<string, PartDefinition>> = SCRIPT_PARTS;

/** The names that a Lua text declares at its top level, and those that it uses without declaring them. */
function namesOf(lua: string): { readonly declared: readonly string[]; readonly used: readonly string[] } {
  const { body, globals } = luaparse.parse(lua, { luaVersion: '5.1', scope: true }) as luaparse.Chunk & {
    readonly globals: readonly { readonly name: string }[];
  };
  const declared = body.flatMap((statement) => {
    if (statement.type === 'LocalStatement') return statement.variables.map(({ name }) => name);
    if (statement.type !== 'FunctionDeclaration' || !statement.isLocal) return [];
    return statement.identifier?.type === 'Identifier' ? [statement.identifier.name] : [];
  });
  const used = new Set(globals.map(({ name }) => name).filter((name) => !REDIS_GLOBALS.has(name)));
  return { declared, used: [...used] };
}

function readLua(name: string): string {
  return readFileSync(new URL(`${name}.lua`, LUA), 'utf8');
}

const DECLARED_BY = new Map(
  Object.keys(PARTS).flatMap((part) =>
    namesOf(readLua(`shared/${part}`)).declared.map((name) => [name, part]),
  ),
);

/** What the table must list for a Lua text: the parts, constants, keys and arguments that it uses itself. */
function usesOf(lua: string): Record<'parts' | 'constants' | 'keys' | 'keyLists' | 'args', string[]> {
  const uses = { parts: new Set<string>(), constants: [], keys: [], keyLists: [], args: [] } as {
    readonly parts: Set<string>;
    readonly constants: string[];
    readonly keys: string[];
    readonly keyLists: string[];
    readonly args: string[];
  };
  for (const name of namesOf(lua).used) {
    const part = DECLARED_BY.get(name);
    if (part !== undefined) uses.parts.add(part);
    else if (/^[A-Z_]+$/.test(name)) uses.constants.push(name);
    else if (name.endsWith('_key')) uses.keys.push(name.slice(0, -'_key'.length));
    else if (name.endsWith('_keys')) uses.keyLists.push(name.slice(0, -'_keys'.length));
    else uses.args.push(name);
  }
  return { ...uses, parts: [...uses.parts] };
}

/** The names in a section of a script's header: `--   name  explanation`, or several with commas. */
function headerSection(lua: string, title: string): string[] {
  const header = /^(?:--.*\n)+/.exec(lua)?.[0] ?? '';
  const lines = new RegExp(`^-- ${title}.*\\n((?:-- {3}\\S.*\\n)*)`, 'm').exec(header)?.[1] ?? '';
  return lines
    .split('\n')
    .flatMap((line) => /^-- {3}(\w+(?:, \w+)*)(?: {2}|$)/.exec(line)?.[1]?.split(', ') ?? []);
}

describe('scripts of the Redis store', () => {
  const assembled = assembleScripts(SETTINGS);

  it('are in the table, every one of them, as are the shared parts', () => {
    const files = readdirSync(LUA, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.lua'))
      .map((file) => file.slice(0, -'.lua'.length));
    const parts = Object.keys(PARTS).map((part) => `shared/${part}`);
    expect(files).to.have.members([...Object.keys(SCRIPTS), ...parts]);
  });

  it('use names: neither a script nor a part has a numbered key or argument', () => {
    for (const name of [...Object.keys(SCRIPTS), ...Object.keys(PARTS).map((part) => `shared/${part}`)]) {
      expect(readLua(name), name).not.to.match(/\b(?:KEYS|ARGV) *\[/);
    }
  });

  it('use no name that is not declared, and declare none twice at their top level', () => {
    for (const [name, { lua }] of assembled) {
      const { declared, used } = namesOf(lua);
      expect(used, name).to.deep.equal([]);
      expect(new Set(declared).size, name).to.equal(declared.length);
    }
  });

  for (const [name, definition] of Object.entries(SCRIPTS)) {
    it(`${name} uses what the table lists, and nothing else`, () => {
      const { parts, constants, keys, keyLists, args } = usesOf(readLua(name));
      const { onDemand } = definition;
      const ownArgs = Object.keys({ ...definition.args, ...definition.lists }).map(luaName);
      expect([...(definition.parts ?? [])], 'parts').to.have.members(parts);
      expect([...(definition.constants ?? [])], 'constants').to.have.members(constants);
      expect((definition.keys ?? []).map(luaName), 'keys').to.have.members(keys);
      expect((definition.keyLists ?? []).map(luaName), 'keyLists').to.have.members(keyLists);
      const onDemandName = onDemand === undefined ? [] : [`${luaName(partBaseName(onDemand))}_on_demand`];
      expect([...ownArgs, 'item_count', ...onDemandName], 'arguments').to.include.members(args);

      // An argument of the script may be used in one of its parts only.
      const { lua } = assembled.get(name)!;
      for (const arg of ownArgs)
        expect(lua.match(new RegExp(`\\b${arg}\\b`, 'g')), arg).to.have.length.above(1);
    });

    it(`${name} has a header that agrees with the table`, () => {
      const lua = readLua(name);
      expect(headerSection(lua, 'Arguments')).to.deep.equal(Object.keys(definition.args ?? {}).map(luaName));
      expect(headerSection(lua, 'Lists')).to.deep.equal(Object.keys(definition.lists ?? {}).map(luaName));
      if (name in POOL_SCRIPTS) return;
      expect(headerSection(lua, 'Keys$')).to.have.members((definition.keys ?? []).map(luaName));
      expect(headerSection(lua, 'Keys \\(lists')).to.have.members((definition.keyLists ?? []).map(luaName));
    });
  }

  for (const [name, definition] of Object.entries(PARTS)) {
    it(`part ${name} uses what the table lists, and nothing else`, () => {
      const { parts, constants, keys, args } = usesOf(readLua(`shared/${name}`));
      expect([...(definition.parts ?? [])], 'parts').to.have.members(parts);
      expect([...(definition.constants ?? [])], 'constants').to.have.members(constants);
      expect([...(definition.keys ?? [])], 'keys').to.have.members(keys);
      expect((definition.args ?? []).map(luaName), 'args').to.have.members(args);
      const names = Object.keys(PARTS);
      for (const part of definition.parts ?? []) expect(names.indexOf(part)).to.be.below(names.indexOf(name));
    });
  }
});

describe('an assembled script', () => {
  const texts: Readonly<Record<string, string>> = {
    'a/script': 'return { lease_key, totals_keys[1], now_ms, ttl_ms, is_last, session_ids[1], item_count }',
    'shared/values/clock': 'local now_ms = test_now_ms',
    'shared/values/max-values': 'local MAX_VALUES = 4000',
    'shared/values/many-values': 'local function call_with_values() return MAX_VALUES end',
  };
  const assemble = (definition: KeyedScriptDefinition) =>
    assembleScript('a/script', definition, scriptConstants(SETTINGS), (name) => texts[name]!);

  it('names keys, arguments and lists in the order in which they are sent, and has the time first', () => {
    const script = assemble({
      keys: ['lease'],
      keyLists: ['totals', 'hosts'],
      args: { ttlMs: 'number', isLast: 'flag', holder: 'text' },
      lists: { sessionIds: 'text', epochs: 'number' },
      constants: ['OFFER_MS', 'WAKE_UPS_PREFIX'],
      parts: ['values/clock'],
    });
    expect(script.lua.split('\n')).to.deep.equal([
      'local OFFER_MS = 15000',
      "local WAKE_UPS_PREFIX = 'p:'",
      'local lease_key = unpack(KEYS)',
      'local key_count = (#KEYS - 1) / 2',
      'local totals_keys = { unpack(KEYS, 2 + 0 * key_count, 1 + 1 * key_count) }',
      'local hosts_keys = { unpack(KEYS, 2 + 1 * key_count, 1 + 2 * key_count) }',
      'local test_now_ms = tonumber(ARGV[1])',
      'local ttl_ms = tonumber(ARGV[2])',
      "local is_last = ARGV[3] == '1'",
      'local holder = ARGV[4]',
      'local item_count = (#ARGV - 4) / 2',
      'local session_ids = { unpack(ARGV, 5 + 0 * item_count, 4 + 1 * item_count) }',
      'local epochs = { unpack(ARGV, 5 + 1 * item_count, 4 + 2 * item_count) }',
      texts['shared/values/clock'],
      texts['a/script'],
    ]);
    expect(script).to.deep.include({ keys: ['lease'], keyLists: ['totals', 'hosts'] });
    expect(script.args).to.deep.equal([TEST_NOW, 'ttlMs', 'isLast', 'holder']);
    expect(script.lists).to.deep.equal(['sessionIds', 'epochs']);
  });

  it('has the parts that its parts use, each once and before its users', () => {
    const { lua } = assemble({ parts: ['values/many-values', 'values/max-values'] });
    expect(lua.split('\n')).to.deep.equal([
      texts['shared/values/max-values'],
      texts['shared/values/many-values'],
      texts['a/script'],
    ]);
  });

  it('makes a part on demand inside one function, with what the script does not have already', () => {
    const { lua } = assemble({ parts: ['values/max-values'], onDemand: 'values/many-values' });
    expect(lua.split('\n')).to.deep.equal([
      texts['shared/values/max-values'],
      'local function many_values_on_demand()',
      texts['shared/values/many-values'],
      'many_values()',
      'end',
      texts['a/script'],
    ]);
  });

  it('cannot be made with a key prefix that would need escaping', () => {
    expect(() => scriptConstants({ ...SETTINGS, wakeUpsPrefix: "it's:" })).to.throw(RangeError, "it's:");
  });
});
