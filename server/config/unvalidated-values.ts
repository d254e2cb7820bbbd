import type { Path } from './config-error.js';

/**
 * Careful reading of a document that may break its schema, so that what is wrong in one place does not hide what
 * is wrong in another. What has not the expected type is passed over here; the schema reports it.
 */

/** The keys of a map; none when it is no map. */
export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export interface Entry {
  readonly path: Path;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The maps in a list, each with its path. */
export function entriesOf(value: unknown, path: Path): readonly Entry[] {
  return listOf(value).map((entry, index) => ({ path: [...path, index], value: mapOf(entry) }));
}

/** The items of a list; none when it is no list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text; `null` when it is none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A number; `null` when it is none. */
export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
