/** One mistake in a configuration. */
export interface ConfigMistake {
  /** Path of the value, such as `regions[2].lat`; name of an environment variable; or empty for the whole file. */
  readonly path: string;
  /** What is wrong, such as `must be <= 90`. Never contains a secret. */
  readonly message: string;
  /** Line in the file, from 1, if known. */
  readonly line?: number;
}

/** The configuration cannot be used. The message lists every mistake, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly mistakes: readonly ConfigMistake[]) {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    super([`The configuration has ${count}:`, ...mistakes.map(formatMistake)].join('\n'));
  }
}

/** `regions[2].lat: must be <= 90 (line 14)`. */
function formatMistake({ path, message, line }: ConfigMistake): string {
  return `${path === '' ? '' : `${path}: `}${message}${line === undefined ? '' : ` (line ${line})`}`;
}

/** Keys and list indexes from the root, such as `['regions', 2, 'lat']`. */
export type Path = readonly (string | number)[];

/** Formats `['regions', 2, 'lat']` as `regions[2].lat`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** A mistake before its line is looked up. */
export interface FoundMistake {
  readonly path: Path;
  readonly message: string;
}

/** Adds a mistake to the list of mistakes. */
export type Report = (path: Path, message: string) => void;
