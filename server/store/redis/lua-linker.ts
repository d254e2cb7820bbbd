/** What a script is sent as, and which of the keys that its libraries number it wants, in that order. */
export interface LinkedScript {
  readonly lua: string;
  /** From 1 on, as in `KEYS[1]` of the libraries. */
  readonly keys: readonly number[];
}

/** One statement at the beginning of a line, with what it declares and what it speaks of. */
interface Statement {
  readonly text: string;
  readonly names: readonly string[];
  readonly uses: ReadonlySet<string>;
}

/** Names in capitals with their literals: `FULL` and `1000000`. */
type Constants = Map<string, string>;

const TEXT_OR_NAME = /'[^']*'|\.?[A-Za-z_]\w*/g;

/** In a script: here, and only when this line is reached, a function of other libraries is made and run. */
const RUN_LINE = /^ *--#run (\w+)$/m;

/**
 * Puts before a script those statements of its libraries that it uses, in their order, and of these what they use.
 *
 * Redis makes every function and table of a script anew at each call, so one that carries what others need pays for it
 * with every call. For the same reason constants are written where they stand, and only keys are sent that are used.
 *
 * @param lazy libraries of what `--#run` runs
 * @throws RangeError when a name has two meanings
 */
export function linkScript(
  script: string,
  libraries: readonly string[],
  lazy: readonly string[] = [],
): LinkedScript {
  const constants: Constants = new Map();
  const statements = libraries.flatMap((library) => statementsOf(library, constants));
  const lazyStatements = lazy.flatMap((library) => statementsOf(library, constants));
  const body = withoutComments(takeConstants(script, constants));
  const preamble = needed(statements, namesIn(body));
  const lua = [
    ...preamble.map(({ text }) => text),
    runLazily(body, preamble, [...statements, ...lazyStatements]),
  ];
  return numberKeys(writeConstants(lua.join('\n'), constants));
}

/** Writes what a function needs, besides what the script has before it, where it runs. */
function runLazily(body: string, preamble: readonly Statement[], all: readonly Statement[]): string {
  const name = RUN_LINE.exec(body)?.[1];
  if (name === undefined) return body;
  const wanted = needed(all, new Set([name]));
  const shadowed = statementsOf(body, new Map()).flatMap(({ names }) => names);
  const shared = wanted.filter((statement) => preamble.includes(statement)).flatMap(({ names }) => names);
  const twice = shared.find((one) => shadowed.includes(one));
  if (twice !== undefined) throw new RangeError(`"${twice}" means something else where ${name} runs`);
  const made = wanted.filter((statement) => !preamble.includes(statement)).map(({ text }) => text);
  return body.replace(RUN_LINE, () => `${made.join('\n')}\n${name}()`);
}

/** Cuts Lua at the declarations that begin a line. What stands before the first of them is left out. */
function statementsOf(lua: string, constants: Constants): Statement[] {
  return withoutComments(takeConstants(lua, constants))
    .split(/^(?=local )/m)
    .filter((text) => text.startsWith('local '))
    .map((text) => ({ text: text.trimEnd(), names: declaredBy(text), uses: namesIn(text) }));
}

function declaredBy(statement: string): string[] {
  const [, fn, names = ''] = /^local (?:function (\w+)|([\w, ]+))/.exec(statement) ?? [];
  return fn === undefined ? names.trim().split(', ') : [fn];
}

/** Those of the statements that declare what is used, and what these use, in their order. */
function needed(statements: readonly Statement[], used: ReadonlySet<string>): Statement[] {
  const wanted = new Set(used);
  const found = new Set<Statement>();
  // Lua knows what was declared before, so one way back finds all.
  for (const statement of statements.toReversed()) {
    if (!statement.names.some((name) => wanted.has(name))) continue;
    found.add(statement);
    for (const name of statement.uses) wanted.add(name);
  }
  return statements.filter((statement) => found.has(statement));
}

/** Names that stand for themselves: no texts, no fields. */
function namesIn(lua: string): Set<string> {
  return new Set((lua.match(TEXT_OR_NAME) ?? []).filter((name) => /^\w/.test(name)));
}

/** Takes declarations of constants out. */
function takeConstants(lua: string, constants: Constants): string {
  return lua.replace(
    /^local ([A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*) = (.*)\n?/gm,
    (line, names: string, values: string) => {
      const literals = values.match(/'[^']*'|[\d.]+/g) ?? [];
      if (literals.join(', ') !== values) return line;
      for (const [i, name] of names.split(', ').entries()) {
        const value = literals[i] ?? 'nil';
        if ((constants.get(name) ?? value) !== value) throw new RangeError(`${name} is declared twice`);
        constants.set(name, value);
      }
      return '';
    },
  );
}

function writeConstants(lua: string, constants: Constants): string {
  return lua.replace(TEXT_OR_NAME, (name) => constants.get(name) ?? name);
}

function numberKeys(lua: string): LinkedScript {
  const used = new Set(Array.from(lua.matchAll(/\bKEYS\[(\d+)\]/g), ([, number]) => Number(number)));
  const keys = [...used].sort((a, b) => a - b);
  const numbered = lua.replace(
    /\bKEYS\[(\d+)\]/g,
    (_, number) => `KEYS[${keys.indexOf(Number(number)) + 1}]`,
  );
  return { lua: numbered, keys };
}

/** Lines that only explain something, and empty ones. */
function withoutComments(lua: string): string {
  return lua.replace(/^ *--(?!#run ).*\n/gm, '').replace(/^\s*\n/gm, '');
}
