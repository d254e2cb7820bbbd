import express, { Router, type NextFunction, type Request, type Response } from 'express';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Refusal } from '../broker/refusal.js';

/** Largest accepted body. Orders have a few hundred bytes. */
const MAX_BODY_BYTES = 16 * 1024;

/**
 * Middleware that parses a JSON body into `request.body`.
 *
 * @throws Refusal BAD_MESSAGE, FRAME_TOO_LARGE
 */
export const jsonBody: Router = Router();

// Not strict, so that the schema reports bodies that are not objects. Compressed bodies are refused: no order needs them.
jsonBody.use(express.json({ limit: MAX_BODY_BYTES, strict: false, inflate: false }));
jsonBody.use((request, _response, next) => {
  // The parser ignores requests without a body or with another content type.
  if (request.body === undefined) {
    throw badMessage('The body is missing. Send it as JSON, with "content-type: application/json".');
  }
  next();
});
jsonBody.use((error: unknown, _request: Request, _response: Response, next: NextFunction) => {
  next(error instanceof Refusal ? error : readFailure(error));
});

/** Converts an error of the parser, by its `type`. */
function readFailure(error: unknown): unknown {
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  switch (type) {
    case 'entity.too.large':
      return new Refusal('FRAME_TOO_LARGE', { message: `The body is larger than ${MAX_BODY_BYTES} bytes.` });
    case 'entity.parse.failed':
      return badMessage('The body is not valid JSON.');
    case 'charset.unsupported':
      return badMessage('The body must be in UTF-8.');
    case 'encoding.unsupported':
      return badMessage('The body must not be compressed.');
    default:
      // The client aborted the request: not a failure of the broker.
      return typeof status === 'number' && status < 500 ? badMessage('The body could not be read.') : error;
  }
}

/** Creates a function that validates `request.body`. The function throws a Refusal BAD_MESSAGE. */
export function bodyReader<S extends TSchema>(schema: S): (request: Request) => Static<S> {
  const validator = Compile(schema);
  return ({ body }: { body: unknown }) => {
    if (validator.Check(body)) return body;
    throw badMessage(firstMistake(validator.Errors(body)));
  };
}

interface Mistake {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** The first field that is not valid and the rule that it breaks, never its value. */
function firstMistake([first]: readonly Mistake[]): string {
  if (first === undefined) return 'The body is not valid.';
  // The path contains keys of the request, so its length is limited.
  const field = first.instancePath.slice(1, 120).replaceAll('/', '.') || 'The body';
  if (first.keyword === 'boolean') return `${field} is not a known field.`;
  const { allowedValues, pattern } = first.params as { allowedValues?: unknown[]; pattern?: string };
  if (allowedValues !== undefined) return `${field} must be one of: ${allowedValues.join(', ')}.`;
  if (pattern !== undefined) {
    return `${field} must be 1 to 63 lower-case letters, digits and hyphens, and must not begin with a hyphen.`;
  }
  return `${field} ${first.message}.`;
}

/** Refusal of a malformed request. */
export function badMessage(message: string): Refusal {
  return new Refusal('BAD_MESSAGE', { message });
}
