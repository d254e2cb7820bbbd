/**
 * Where the SDK writes its log; pino's loggers fit as they are. Levels:
 *
 * - `debug`: single frames and sessions; off in production.
 * - `info`: the connection to the broker came or went.
 * - `warn`: something was refused or failed, and the SDK goes on.
 * - `error`: the application has to act: a listener threw, the broker refuses this host for good.
 *
 * Fields never hold tokens, ticket keys or tickets.
 */
export interface HostLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function discardEntry(): void {
  // The default: an SDK writes nothing unasked.
}

export const silentLogger: HostLogger = {
  debug: discardEntry,
  info: discardEntry,
  warn: discardEntry,
  error: discardEntry,
};
