import type { CLOSE_CODES, ERRORS, ErrorCode } from '@duskline/protocol/codes';

type ClosingCode = {
  [Code in ErrorCode]: (typeof ERRORS)[Code]['closeCode'] extends number ? Code : never;
}[ErrorCode];

/**
 * The errors that close a connection, with their close codes. A copy of rows of `ERRORS` without the texts, which would be a
 * fifth of the bundle. The compiler checks that the copy is equal.
 */
const CLOSE_CODE_BY_ERROR = {
  BAD_MESSAGE: 4400,
  BINARY_FRAME: 1003,
  FRAME_TOO_LARGE: 1009,
  HELLO_TIMEOUT: 4408,
  UNAUTHENTICATED: 4401,
  TOKEN_EXPIRED: 4401,
  TOKEN_NOT_YET_VALID: 4401,
  RESUME_TOKEN_INVALID: 4401,
  RESUME_TOKEN_USED: 4401,
  RESUME_TOKEN_EXPIRED: 4401,
  FORBIDDEN: 4403,
  CONNECTION_REPLACED: 4409,
  TOO_MANY_MESSAGES: 4429,
  SLOW_CONSUMER: 4413,
  GOING_AWAY: 1001,
  INTERNAL: 4500,
  UNAVAILABLE: 1013,
  UNKNOWN_REGION: 4403,
  UNKNOWN_POOL: 4403,
  TOO_MANY_SESSIONS: 4422,
} as const satisfies { readonly [Code in ClosingCode]: (typeof ERRORS)[Code]['closeCode'] };

type FinalCloseCode = {
  [Code in keyof typeof CLOSE_CODES]: (typeof CLOSE_CODES)[Code]['reconnect'] extends false ? Code : never;
}[keyof typeof CLOSE_CODES];

/** The close codes of the registry after which a client must not reconnect. */
const RECONNECT_BY_CLOSE_CODE: Readonly<Record<FinalCloseCode, false>> & Readonly<Record<number, boolean>> = {
  1000: false,
  1002: false,
  1003: false,
  1007: false,
  1008: false,
  1009: false,
  4400: false,
  4401: false,
  4403: false,
  4409: false,
  4422: false,
};

/** Whether errors of this code close the connection with this close code. */
export function isCloseCodeOfError(code: string, closeCode: number): boolean {
  return Object.hasOwn(CLOSE_CODE_BY_ERROR, code) && CLOSE_CODE_BY_ERROR[code as ClosingCode] === closeCode;
}

/** The error for a close without an error frame: the first one with this close code, which is the most general. */
export function errorCodeOfClose(closeCode: number): ErrorCode | undefined {
  const codes = Object.keys(CLOSE_CODE_BY_ERROR) as ClosingCode[];
  return codes.find((code) => CLOSE_CODE_BY_ERROR[code] === closeCode);
}

/** Whether to reconnect after this close code. True for codes that the registry does not have, such as 1006. */
export function mayReconnect(closeCode: number): boolean {
  return RECONNECT_BY_CLOSE_CODE[closeCode] ?? true;
}
