/** Prints a line with the time of day to standard error. Standard output has only the figures. */
export function reportProgress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
