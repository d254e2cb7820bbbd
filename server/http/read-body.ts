import express, { Router, type NextFunction, type Request, type Response } from 'express';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Refusal } from '../broker/refusal.js';

/** An order is a few hundred bytes. */
const MAX_BODY_BYTES = 16 * 1024;

/**
 * Reads a body of JSON into `request.body`.
 *
 * @throws Refusal BAD_MESSAGE, FRAME_TOO_LARGE
 */
export const jsonBody: Router = Router();

// Not strict, so that the schema says what is wrong with a body that is no object. Not inflated: no order needs it.
jsonBody.use(express.json({ limit: MAX_BODY_BYTES, strict: false, inflate: false }));
jsonBody.use((request, _response, next) => {
  // The parser passes over what is not there, and what is not JSON by its content type.
  if (request.body === undefined) {
    throw badMessage('The order is missing: send it as JSON, with "content-type: application/json".');
  }
  next();
});
jsonBody.use((error: unknown, _request: Request, _response: Response, next: NextFunction) => {
  next(error instanceof Refusal ? error : readFailure(error));
});

/** What the parser's failures mean, by the `type` that it gives them. */
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
      // A client that went away in the middle is no fault of ours, and nobody is left to read the answer.
      return typeof status === 'number' && status < 500 ? badMessage('The body could not be read.') : error;
  }
}

/** A reader that gives the body its type, or refuses it. */
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

/** Names the field and the rule it breaks, never the value. */
function firstMistake([first]: readonly Mistake[]): string {
  if (first === undefined) return 'The body is not valid.';
  // Field names come from the sender, so they are cut to a bound.
  const field = first.instancePath.slice(1, 120).replaceAll('/', '.') || 'The body';
  if (first.keyword === 'boolean') return `${field} is not a known field.`;
  const { allowedValues, pattern } = first.params as { allowedValues?: unknown[]; pattern?: string };
  if (allowedValues !== undefined) return `${field} must be one of: ${allowedValues.join(', ')}.`;
  if (pattern !== undefined) {
    return `${field} must be 1 to 63 lower-case letters, digits and hyphens, and begin with no hyphen.`;
  }
  return `${field} ${first.message}.`;
}

/** A request that breaks a rule of its form. */
export function badMessage(message: string): Refusal {
  return new Refusal('BAD_MESSAGE', { message });
}
