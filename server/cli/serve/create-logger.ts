import { pino, type Logger } from 'pino';
import type { LogLevel } from '../../config/config.js';

/** Fields that may contain a secret. The code logs none of them: this is a second safeguard. */
const SECRET_FIELDS = ['token', 'ticket', 'ticketKey', 'authorization', 'password', 'secret'];

/** Creates a logger that writes JSON lines to standard error. Standard output is for the result of a command. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
