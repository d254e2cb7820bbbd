/**
 * Where the SDK writes its log; `console` and pino's loggers fit as they are. Levels:
 *
 * - `debug`: single frames, by type only; off in production.
 * - `info`: the connection came or went.
 * - `warn`: something was refused or lost, and the SDK goes on.
 * - `error`: the application has a mistake: a listener or the reconnect policy threw.
 *
 * Fields never hold tokens or tickets.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function discardEntry(): void {
  // An SDK writes nothing unasked, except about mistakes that would stay unseen otherwise.
}

/** The default: silent but for `error`, which goes to the console. */
export const defaultLogger: Logger = {
  debug: discardEntry,
  info: discardEntry,
  warn: discardEntry,
  error: (fields, message) => console.error(`duskline: ${message}`, fields),
};
