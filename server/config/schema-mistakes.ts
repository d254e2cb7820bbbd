import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import { ConfigDocument } from './document.js';
import type { FoundMistake, Path } from './config-error.js';
import { nearestName } from './nearest-name.js';

const validator = Compile(ConfigDocument);

/** By default the library stops after eight errors; a configuration error lists all. */
const ALL_ERRORS = 10_000;

/** All mistakes of a document with respect to the schema. */
export function findSchemaMistakes(value: unknown): readonly FoundMistake[] {
  return allErrors(value).flatMap((error) => describe(error));
}

function allErrors(value: unknown): readonly TLocalizedValidationError[] {
  // The setting is global, so it is restored at once; this function is synchronous.
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: ALL_ERRORS });
  try {
    return validator.Errors(value);
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** The parts of a JSON schema that are needed to find the schema of a path. */
interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

function describe(error: TLocalizedValidationError): readonly FoundMistake[] {
  const path = pathOf(error.instancePath);
  switch (error.keyword) {
    // `additionalProperties` reports the same keys.
    case 'boolean':
      return [];
    case 'additionalProperties':
      return error.params.additionalProperties.map((key) => ({
        path: [...path, key],
        message: describeUnknownKey(key, schemaAt(path)),
      }));
    case 'required':
      return error.params.requiredProperties.map((key) => ({ path: [...path, key], message: 'is required' }));
    case 'enum':
      return [{ path, message: `must be one of: ${error.params.allowedValues.join(', ')}` }];
    case 'const':
      return [{ path, message: `must be ${String(error.params.allowedValue)}` }];
    case 'type':
      return [{ path, message: `must be ${withArticle(String(error.params.type))}` }];
    case 'pattern':
      return [{ path, message: `must match ${String(error.params.pattern)}` }];
    default:
      return [{ path, message: error.message }];
  }
}

function describeUnknownKey(key: string, schema: SchemaNode | undefined): string {
  if (schema?.patternProperties !== undefined) {
    return 'is not a valid name: use lower-case letters, digits and hyphens, at most 63';
  }
  const nearest = nearestName(key, Object.keys(schema?.properties ?? {}));
  return nearest === null ? 'is not a known key' : `is not a known key; did you mean ${nearest}?`;
}

function schemaAt(path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = ConfigDocument as object;
  for (const step of path) {
    node =
      node?.items ?? node?.properties?.[step] ?? Object.values(node?.patternProperties ?? {}).find(Boolean);
  }
  return node;
}

/** Converts a JSON pointer to a path. Numeric steps are list indexes, since no key of the schema is a number. */
function pathOf(pointer: string): Path {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~')));
}

const WORDS: Readonly<Record<string, string>> = {
  object: 'a map of keys',
  array: 'a list',
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
};

function withArticle(type: string): string {
  return WORDS[type] ?? type;
}
