import type { ServerClock } from '../runtime/runtime.js';
import type { Logger } from './logger.js';

/** Lines of one message in a window. Further ones are only counted. */
const MAX_LINES = 10;
const WINDOW_MS = 10_000;

/** Logs warnings that peers can cause in any number. */
export interface LimitedLog {
  /** Logs at `warn`, at most `MAX_LINES` lines of the same message in 10 s. The next line says how many were left out. */
  warn(fields: object, message: string): void;
}

interface MessageLines {
  windowEndsAtMs: number;
  logged: number;
  leftOut: number;
}

export function createLimitedLog(log: Logger, clock: Pick<ServerClock, 'monotonicMs'>): LimitedLog {
  /** By message. Messages are fixed texts of the source, so their number is bounded. */
  const lines = new Map<string, MessageLines>();
  return {
    warn(fields, message) {
      const nowMs = clock.monotonicMs();
      const line = lines.get(message) ?? { windowEndsAtMs: 0, logged: 0, leftOut: 0 };
      lines.set(message, line);
      if (nowMs >= line.windowEndsAtMs) Object.assign(line, { windowEndsAtMs: nowMs + WINDOW_MS, logged: 0 });
      if (line.logged >= MAX_LINES) {
        line.leftOut += 1;
        return;
      }
      log.warn(line.leftOut === 0 ? fields : { ...fields, leftOut: line.leftOut }, message);
      line.logged += 1;
      line.leftOut = 0;
    },
  };
}
