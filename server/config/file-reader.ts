import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A file's text, or why there is none. */
export type FileResult =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/** Reads a file that the configuration names. Never throws. */
export type FileReader = (path: string) => FileResult;

/** Reads files from the disk; relative paths start at `directory`. */
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
