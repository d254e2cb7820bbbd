import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { READER, WRITER } from './operator-app.js';

/** HTTP headers with this token. */
export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Sends a GET request with the scope `ops:read`. */
export function getAsReader(url: string, token = READER): Promise<Response> {
  return fetch(url, { headers: bearer(token) });
}

/** Sends a POST request with the scope `ops:write`. Strings and bytes are sent unchanged, other bodies as JSON. */
export function sendOrder(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { ...bearer(WRITER), 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

/** Expects an error response with this code, the HTTP status of the code, and a message that contains or matches `text`. */
export async function expectError(
  response: Response,
  code: ErrorCode,
  text: string | RegExp = '',
): Promise<void> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect([response.status, error.code], error.message).to.deep.equal([ERRORS[code].httpStatus, code]);
  if (typeof text === 'string') expect(error.message).to.include(text);
  else expect(error.message).to.match(text);
}
