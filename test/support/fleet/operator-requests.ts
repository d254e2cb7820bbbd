import { expect } from 'chai';
import { ERRORS, type ErrorCode } from '@duskline/protocol/codes';
import { READER, WRITER } from './operator-app.js';

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** A GET request by somebody who may look. */
export function getAsReader(url: string, token = READER): Promise<Response> {
  return fetch(url, { headers: bearer(token) });
}

/** A POST request by somebody who may order. Texts and bytes are sent as they are, everything else as JSON. */
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

/** Holds an answer to a code, its status, and what its text has to say. */
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
