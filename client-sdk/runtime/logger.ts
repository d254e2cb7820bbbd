import { silentLogger, type Logger } from '@duskline/sdk-runtime';

/** The default logger: writes errors to the console and discards everything else. */
export const defaultLogger: Logger = {
  ...silentLogger,
  error: (fields, message) => console.error(`duskline: ${message}`, fields),
};
