import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A running Python program. */
export interface PythonProcess {
  readonly process: ChildProcess;
  /** Lines of its standard output. */
  readonly lines: AsyncIterableIterator<string>;
}

/**
 * Starts a Python program of this repository.
 *
 * @param path from the root of the repository
 */
export function startPython(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): PythonProcess {
  const file = fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
  const child = spawn(python(), [file, ...args], {
    // Without it, Python writes its bytecode into the folder of the program.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { process: child, lines };
}

/** The path that `scripts/ensure-python.mjs` found. */
function python(): string {
  const record = new URL('../../../../node_modules/.cache/duskline/python.json', import.meta.url);
  try {
    return (JSON.parse(readFileSync(record, 'utf8')) as { executablePath: string }).executablePath;
  } catch (cause) {
    throw new Error('No Python was found. Run `node scripts/ensure-python.mjs` first.', { cause });
  }
}
