import { isMap, LineCounter, parseDocument } from 'yaml';
import type { FoundMistake, Path } from './config-error.js';

/** A value that overrides the file, such as a command-line option. */
export interface Override {
  readonly path: Path;
  readonly value: string | number;
}

/** A parsed YAML text. */
export interface YamlSource {
  /** Value of the document; `undefined` if the text is not valid. */
  readonly value: unknown;
  readonly mistakes: readonly (FoundMistake & { readonly line?: number })[];
  /** Line of the value at this path, or of the nearest enclosing value; `undefined` if unknown. */
  lineOf(path: Path): number | undefined;
}

/** Parses YAML 1.2. Duplicate keys, unknown tags and several documents are mistakes. */
export function readYaml(text: string, overrides: readonly Override[]): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const mistakes = problems.map((problem) => ({
      path: [],
      message: `not valid YAML: ${problem.message}`,
      line: lines.linePos(problem.pos[0]).line,
    }));
    return { value: undefined, mistakes, lineOf: () => undefined };
  }
  if (isMap(document.contents)) {
    for (const { path, value } of overrides) document.setIn(path, value);
  }

  function lineOf(path: Path): number | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true);
      const start = hasRange(node) ? node.range[0] : undefined;
      if (start !== undefined) return lines.linePos(start).line;
      // A node without a range comes from an override, not from a line of the file.
      if (node !== undefined) return undefined;
    }
    return undefined;
  }

  try {
    return { value: document.toJS() as unknown, mistakes: [], lineOf };
  } catch {
    // Aliases that would expand without limit ("billion laughs").
    const message = 'not valid YAML: its aliases cannot be resolved';
    return { value: undefined, mistakes: [{ path: [], message }], lineOf };
  }
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
