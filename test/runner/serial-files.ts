/**
 * Files that run one after the other, when the rest is done, each with the reason: what it measures would be another
 * file's work.
 */
export const SERIAL_FILES: ReadonlyMap<string, string> = new Map();
