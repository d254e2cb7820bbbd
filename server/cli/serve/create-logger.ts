import { pino, type Logger } from 'pino';
import type { LogLevel } from '../../config/config.js';

/** Fields that could hold a secret, wherever they stand. The code logs none of them; this is the second lock. */
const SECRET_FIELDS = ['token', 'ticket', 'ticketKey', 'authorization', 'password', 'secret'];

/** A log of JSON lines on standard error: standard output belongs to a command's result. */
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
