/**
 * The logger interface that the broker uses; `pino` implements it.
 *
 * - `error`: a bug in the broker.
 * - `warn`: an external failure that the broker tolerates (Redis unreachable, host lost).
 * - `info`: start and stop of the process, registration and loss of hosts.
 * - `debug`: connections and sessions.
 */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}
