import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Text of a file, or why it cannot be read. */
export type FileResult =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/** Reads a file that the configuration refers to. Never throws. */
export type FileReader = (path: string) => FileResult;

/** Creates a reader of files on disk. Paths are relative to `directory`. */
export function createFileReader(directory: string): FileReader {
  return (path) => {
    try {
      return { ok: true, text: readFileSync(resolve(directory, path), 'utf8') };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
      return { ok: false, problem: `cannot be read (${code})` };
    }
  };
}
