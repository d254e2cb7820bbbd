/**
 * The registry of error codes and close codes, used by brokers and SDKs. `PROTOCOL.md` has the same tables; a test compares
 * them.
 */

interface ErrorEntry {
  /** What happened and what to do. A broker may send a more specific text. */
  readonly message: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** HTTP status of this error in the HTTP API and of a refused upgrade. */
  readonly httpStatus: number;
  /** WebSocket close code if this error closes the connection; `null` if it never does. */
  readonly closeCode: number | null;
}

/** Errors by code. Codes are stable; messages are for people and may change. */
export const ERRORS = {
  // The frame itself.
  BAD_MESSAGE: {
    message: 'The frame is not a valid message of this channel.',
    retryable: false,
    httpStatus: 400,
    closeCode: 4400,
  },
  UNKNOWN_MESSAGE_TYPE: {
    message: 'No message of this channel has that type.',
    retryable: false,
    httpStatus: 400,
    closeCode: null,
  },
  OUT_OF_ORDER: {
    message: 'This message is not allowed at this point.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  BINARY_FRAME: {
    message: 'Messages are JSON in text frames; a binary frame arrived.',
    retryable: false,
    httpStatus: 400,
    closeCode: 1003,
  },
  FRAME_TOO_LARGE: {
    message: 'The frame is larger than this channel allows.',
    retryable: false,
    httpStatus: 413,
    closeCode: 1009,
  },
  UNSUPPORTED_PROTOCOL: {
    message: 'Offer the WebSocket sub-protocol duskline.v1.',
    retryable: false,
    httpStatus: 400,
    closeCode: null,
  },
  // The connection.
  HELLO_TIMEOUT: {
    message: 'The first message did not arrive in time.',
    retryable: true,
    httpStatus: 408,
    closeCode: 4408,
  },
  UNAUTHENTICATED: {
    message: 'The token is missing or not valid. Get a new one.',
    retryable: false,
    httpStatus: 401,
    closeCode: 4401,
  },
  TOKEN_EXPIRED: {
    message: 'The token has expired. Get a new one.',
    retryable: true,
    httpStatus: 401,
    closeCode: 4401,
  },
  TOKEN_NOT_YET_VALID: {
    message: 'The token is not valid yet. Connect again with it after retryAfterMs.',
    retryable: true,
    httpStatus: 401,
    closeCode: 4401,
  },
  RESUME_TOKEN_INVALID: {
    message: 'The resume token is not valid, or of another player. Use a player token.',
    retryable: false,
    httpStatus: 401,
    closeCode: 4401,
  },
  RESUME_TOKEN_USED: {
    message: 'The resume token was used before. Use a player token.',
    retryable: false,
    httpStatus: 401,
    closeCode: 4401,
  },
  RESUME_TOKEN_EXPIRED: {
    message: 'The resume token has expired. Use a player token.',
    retryable: false,
    httpStatus: 401,
    closeCode: 4401,
  },
  FORBIDDEN: {
    message: 'The token does not allow this.',
    retryable: false,
    httpStatus: 403,
    closeCode: 4403,
  },
  CONNECTION_REPLACED: {
    message: 'A newer connection of the same host replaced this one.',
    retryable: false,
    httpStatus: 409,
    closeCode: 4409,
  },
  TOO_MANY_MESSAGES: {
    message: 'The connection sends more messages than allowed. Slow down.',
    retryable: true,
    httpStatus: 429,
    closeCode: 4429,
  },
  SLOW_CONSUMER: {
    message: 'The peer reads too slowly: its send buffer is full. Connect again.',
    retryable: true,
    httpStatus: 503,
    closeCode: 4413,
  },
  GOING_AWAY: {
    message: 'This broker is stopping. Connect to another one.',
    retryable: true,
    httpStatus: 503,
    closeCode: 1001,
  },
  BUSY: {
    message: 'Too many clients connect at once. Try again later.',
    retryable: true,
    httpStatus: 503,
    closeCode: null,
  },
  INTERNAL: {
    message: 'The broker failed. The failure was logged.',
    retryable: true,
    httpStatus: 500,
    closeCode: 4500,
  },
  UNAVAILABLE: {
    message: 'The broker cannot reach its store or the token keys. Try again.',
    retryable: true,
    httpStatus: 503,
    // Closes a connection only before its first message is accepted or after `leave`. Otherwise it answers one request.
    closeCode: 1013,
  },
  NOT_FOUND: {
    message: 'There is nothing at this path.',
    retryable: false,
    httpStatus: 404,
    closeCode: null,
  },
  // Placements and sessions.
  UNKNOWN_TITLE: {
    message: 'No pool carries this title.',
    retryable: false,
    httpStatus: 404,
    closeCode: null,
  },
  NO_SUITABLE_POOL: {
    message: 'No pool that carries the title suits the device and the request.',
    retryable: false,
    httpStatus: 422,
    closeCode: null,
  },
  NO_REGION_IN_REACH: {
    message: 'No open region that the request allows is near enough for this title.',
    retryable: false,
    httpStatus: 422,
    closeCode: null,
  },
  REGION_CLOSED: {
    message: 'Operators have closed every suitable region to new sessions.',
    retryable: true,
    httpStatus: 503,
    closeCode: null,
  },
  NO_CAPACITY: {
    message: 'Every suitable host nearby is full.',
    retryable: true,
    httpStatus: 503,
    closeCode: null,
  },
  QUEUE_FULL: {
    message: 'Every suitable queue is full.',
    retryable: true,
    httpStatus: 503,
    closeCode: null,
  },
  TIMED_OUT: {
    message: 'Two offers were not accepted in time. Use a new requestId.',
    retryable: false,
    httpStatus: 410,
    closeCode: null,
  },
  NO_OFFER: {
    message: 'No slot is held for this request at the moment.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  SESSION_EXISTS: {
    message: 'The player has another session or request. Choose with onConflict.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  CANCELLED: { message: 'The request was cancelled.', retryable: false, httpStatus: 409, closeCode: null },
  SESSION_OVER: {
    message: 'The session of this request has ended. Use a new requestId.',
    retryable: false,
    httpStatus: 410,
    closeCode: null,
  },
  UNKNOWN_SESSION: {
    message: 'The session does not exist, or is not yours.',
    retryable: false,
    httpStatus: 404,
    closeCode: null,
  },
  PEER_AWAY: {
    message: 'The other end of the session is not connected to a broker.',
    retryable: true,
    httpStatus: 503,
    closeCode: null,
  },
  TOO_MANY_SIGNALS: {
    message: 'Too many signals of this session. This one was dropped.',
    retryable: true,
    httpStatus: 429,
    closeCode: null,
  },
  STALE_EPOCH: {
    message: 'The session has a newer epoch than this message.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  BAD_TRANSITION: {
    message: 'The session cannot go from its present state to that one.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  NO_MOVE: {
    message: 'The session is not moving, or its move is over.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  CHECKPOINT_TOO_LARGE: {
    message: 'The state is larger than 256 KiB. Hand over a reference.',
    retryable: false,
    httpStatus: 413,
    closeCode: null,
  },
  // Hosts.
  UNKNOWN_REGION: {
    message: 'The configuration has no such region.',
    retryable: false,
    httpStatus: 404,
    closeCode: 4403,
  },
  UNKNOWN_POOL: {
    message: 'The configuration has no such pool.',
    retryable: false,
    httpStatus: 404,
    closeCode: 4403,
  },
  TOO_MANY_SESSIONS: {
    message: 'The host reports more sessions than it has slots.',
    retryable: false,
    httpStatus: 422,
    // Closes a connection only at registration; a heartbeat with too many sessions is ignored.
    closeCode: 4422,
  },
  // Operators.
  UNKNOWN_HOST: {
    message: 'No host of that id is registered in that region and pool.',
    retryable: false,
    httpStatus: 404,
    closeCode: null,
  },
  BAD_DEADLINE: {
    message: 'The deadline must be in the future.',
    retryable: false,
    httpStatus: 422,
    closeCode: null,
  },
  LAST_OPEN_REGION: {
    message: 'No other region is open. Set yesEverything to close it anyway.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
  NO_DRAIN: {
    message: 'This target is not being drained.',
    retryable: false,
    httpStatus: 409,
    closeCode: null,
  },
} as const satisfies Record<string, ErrorEntry>;

/** A code of `ERRORS`. */
export type ErrorCode = keyof typeof ERRORS;
/** All codes of `ERRORS`. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/** Close codes that brokers send, and whether a peer reconnects after them. */
export const CLOSE_CODES = {
  1000: { name: 'normal', reconnect: false },
  1001: { name: 'going away', reconnect: true },
  1002: { name: 'protocol error', reconnect: false },
  1003: { name: 'binary frame', reconnect: false },
  1007: { name: 'invalid UTF-8', reconnect: false },
  1008: { name: 'too many fragments', reconnect: false },
  1009: { name: 'frame too large', reconnect: false },
  1013: { name: 'try again later', reconnect: true },
  4400: { name: 'bad message', reconnect: false },
  4401: { name: 'unauthenticated', reconnect: false },
  4403: { name: 'forbidden', reconnect: false },
  4408: { name: 'hello timeout', reconnect: true },
  4409: { name: 'connection replaced', reconnect: false },
  4413: { name: 'slow consumer', reconnect: true },
  4422: { name: 'too many sessions', reconnect: false },
  4429: { name: 'too many messages', reconnect: true },
  4500: { name: 'internal error', reconnect: true },
} as const satisfies Record<number, { name: string; reconnect: boolean }>;

/** A code of `CLOSE_CODES`. */
export type CloseCode = keyof typeof CLOSE_CODES;

/** Whether a peer reconnects after this close code. `true` for codes that no broker sends, such as 1006. */
export function mayReconnect(closeCode: number): boolean {
  return Object.hasOwn(CLOSE_CODES, closeCode) ? CLOSE_CODES[closeCode as CloseCode].reconnect : true;
}
