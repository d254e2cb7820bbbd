import ts from 'typescript';
import type { TSchema } from 'typebox';

/**
 * One spelling for types, whether they come from a schema or from the TypeScript of the document: a name
 * for each field with `?` where it may be absent, bounds as `[low..high]`, patterns as `/pattern/`.
 */
export type Canonical = string | { readonly [field: string]: Canonical };

interface JsonSchema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly [bound: string]: unknown;
}

/** The canonical type of a schema. */
export function canonicalOfSchema(schema: TSchema): Canonical {
  return fromSchema(schema as unknown as JsonSchema);
}

function fromSchema(schema: JsonSchema): Canonical {
  if (schema.const !== undefined) return quoted([schema.const]);
  if (schema.enum !== undefined) return quoted(schema.enum);
  if (schema.anyOf !== undefined) return either(schema.anyOf.map((variant) => flat(fromSchema(variant))));
  switch (schema.type) {
    case 'null':
      return 'null';
    case 'string':
      return `string${bounds(schema, 'minLength', 'maxLength')}${patternOf(schema.pattern)}`;
    case 'integer':
    case 'number':
      return `number${bounds(schema, 'minimum', 'maximum')}`;
    case 'boolean':
      return 'boolean';
    case 'array':
      return `list of ${flat(fromSchema(schema.items ?? {}))}${bounds(schema, 'minItems', 'maxItems')}`;
    case 'object':
      return schema.patternProperties === undefined ? fields(schema) : record(schema);
    default:
      throw new Error(`no canonical form for ${JSON.stringify(schema)}`);
  }
}

function fields({ properties = {}, required = [] }: JsonSchema): Canonical {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      required.includes(name) ? name : `${name}?`,
      fromSchema(schema),
    ]),
  );
}

function record(schema: JsonSchema): string {
  const [[pattern, value] = ['', {}]] = Object.entries(schema.patternProperties ?? {});
  const range = bounds(schema, 'minProperties', 'maxProperties');
  return `record of string${patternOf(pattern)} to ${flat(fromSchema(value))}${range}`;
}

function bounds(schema: JsonSchema, low: string, high: string): string {
  const [min, max] = [schema[low], schema[high]];
  return min === undefined && max === undefined ? '' : `[${text(min)}..${text(max)}]`;
}

function text(bound: unknown): string {
  return typeof bound === 'number' ? String(bound) : '';
}

function patternOf(pattern: string | undefined): string {
  return pattern === undefined ? '' : `/${pattern}/`;
}

function quoted(words: readonly string[]): string {
  return either(words.map((word) => `'${word}'`));
}

function either(types: readonly string[]): string {
  return [...types].sort().join(' | ');
}

function flat(type: Canonical): string {
  return typeof type === 'string' ? type : JSON.stringify(type);
}

/** The interfaces and type names that the document declares, by name. */
export class DocumentedTypes {
  readonly #declared = new Map<string, ts.TypeAliasDeclaration | ts.InterfaceDeclaration>();
  readonly #given: Readonly<Record<string, Canonical>>;

  /** Types of a document. `given` has names that the document defines elsewhere, for example in a table. */
  constructor(sources: readonly string[], given: Readonly<Record<string, Canonical>> = {}) {
    this.#given = given;
    for (const source of sources) {
      for (const statement of parse(source).statements) {
        if (!ts.isTypeAliasDeclaration(statement) && !ts.isInterfaceDeclaration(statement)) {
          throw new Error(`neither a type nor an interface: ${statement.getText()}`);
        }
        const name = statement.name.text;
        if (this.#declared.has(name)) throw new Error(`${name} is declared twice`);
        this.#declared.set(name, statement);
      }
    }
  }

  get names(): readonly string[] {
    return [...this.#declared.keys()];
  }

  canonicalOf(name: string): Canonical {
    const given = this.#given[name];
    if (given !== undefined) return given;
    const declared = this.#declared.get(name);
    if (declared === undefined) throw new Error(`the document declares no ${name}`);
    if (ts.isTypeAliasDeclaration(declared)) return this.#annotated(this.#typeOf(declared.type), declared);
    const bases = declared.heritageClauses?.flatMap(({ types }) => types) ?? [];
    const inherited = bases.map(({ expression }) => this.canonicalOf(expression.getText()) as object);
    return Object.assign({}, ...inherited, this.#members(declared.members)) as Canonical;
  }

  #members(members: readonly ts.TypeElement[]): Canonical {
    return Object.fromEntries(
      members.map((member) => {
        if (!ts.isPropertySignature(member) || member.type === undefined) {
          throw new Error(`not a field with a type: ${member.getText()}`);
        }
        const name = member.name.getText();
        const type = this.#annotated(this.#typeOf(member.type), member);
        return [member.questionToken === undefined ? name : `${name}?`, type];
      }),
    );
  }

  #typeOf(node: ts.TypeNode): Canonical {
    if (ts.isTypeLiteralNode(node)) return this.#members(node.members);
    if (ts.isArrayTypeNode(node)) return `list of ${flat(this.#typeOf(node.elementType))}`;
    if (ts.isUnionTypeNode(node)) return either(node.types.map((type) => flat(this.#typeOf(type))));
    if (ts.isLiteralTypeNode(node)) return literalOf(node);
    if (ts.isTypeReferenceNode(node)) {
      const [key, value] = node.typeArguments ?? [];
      if (key === undefined || value === undefined) return this.canonicalOf(node.typeName.getText());
      return `record of ${flat(this.#typeOf(key))} to ${flat(this.#typeOf(value))}`;
    }
    return node.getText();
  }

  /** Bounds and patterns are in the comment before a type or a field. */
  #annotated(type: Canonical, node: ts.Node): Canonical {
    if (typeof type !== 'string') return type;
    const comment = node.getFullText().slice(0, node.getLeadingTriviaWidth());
    const range = /\[-?\d*\.\.-?\d*\]/.exec(comment)?.[0] ?? '';
    const pattern = /`(\^.*\$)`/.exec(comment)?.[1];
    return `${type}${range}${patternOf(pattern)}`;
  }
}

function parse(source: string): ts.SourceFile {
  return ts.createSourceFile('document.ts', source, ts.ScriptTarget.ES2023, true);
}

function literalOf({ literal }: ts.LiteralTypeNode): string {
  if (literal.kind === ts.SyntaxKind.NullKeyword) return 'null';
  if (ts.isStringLiteral(literal)) return quoted([literal.text]);
  throw new Error(`neither a text nor null: ${literal.getText()}`);
}
