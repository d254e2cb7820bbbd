import type { Path } from './config-error.js';

/**
 * Reads values of a document that may not match the schema, so that one mistake does not hide others. Values of an unexpected
 * type are ignored here, since the schema reports them.
 */

/** The value if it is a map, otherwise an empty map. */
export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** A map in a list. */
export interface Entry {
  readonly path: Path;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The entries of a list as maps, each with its path. */
export function entriesOf(value: unknown, path: Path): readonly Entry[] {
  return listOf(value).map((entry, index) => ({ path: [...path, index], value: mapOf(entry) }));
}

/** The value if it is a list, otherwise an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is a string, otherwise `null`. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The value if it is a finite number, otherwise `null`. */
export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
