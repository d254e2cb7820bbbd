/**
 * Receives the log entries of an SDK. pino's loggers fit as they are, and so does `console`. Levels:
 *
 * - `debug`: single frames and sessions. Off in production.
 * - `info`: the connection to a broker was opened or closed.
 * - `warn`: the SDK lost something or something was refused; it continues.
 * - `error`: the application has to act: a callback of it threw, or the broker refuses it permanently.
 *
 * `fields` never contain tokens, ticket keys or tickets.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function discard(): void {
  // An SDK logs nothing unless the application asks for it.
}

/** Discards every entry. */
export const silentLogger: Logger = { debug: discard, info: discard, warn: discard, error: discard };
