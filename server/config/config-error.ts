/** One thing wrong with a configuration. */
export interface ConfigMistake {
  /** Where, such as `regions[2].lat`; the name of an environment variable; or empty for the whole file. */
  readonly path: string;
  /** What is wrong, such as `must be <= 90`. Never holds a secret. */
  readonly message: string;
  /** Line in the file, from 1, where it is known. */
  readonly line?: number;
}

/** The configuration cannot be used. The message lists every mistake, one a line. */
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

/** Keys and list positions from the root, as in `['regions', 2, 'lat']`. */
export type Path = readonly (string | number)[];

/** `['regions', 2, 'lat']` as `regions[2].lat`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** A mistake whose line is not looked up yet. */
export interface FoundMistake {
  readonly path: Path;
  readonly message: string;
}

/** Collects mistakes. */
export type Report = (path: Path, message: string) => void;
