/**
 * What the broker needs of a logger; `pino` is one.
 *
 * - `error`: a fault of ours that somebody has to look at.
 * - `warn`: something outside went wrong and we go on (Redis away, a host lost).
 * - `info`: the life of the process and of hosts.
 * - `debug`: the life of connections and sessions.
 */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}
