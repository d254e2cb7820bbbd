import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A running program, started by `startExample` or `startProgram`. */
export interface ExampleProcess {
  readonly process: ChildProcess;
  /** Lines of its standard output. */
  readonly lines: AsyncIterator<string>;
}

/** Starts a program of `examples/` with Node, with its settings in environment variables. */
export function startExample(path: string, env: Readonly<Record<string, string>>): ExampleProcess {
  return startProgram(fileURLToPath(new URL(`../../../examples/${path}`, import.meta.url)), env);
}

/** Starts a program from any path with Node. */
export function startProgram(file: string, env: Readonly<Record<string, string>>): ExampleProcess {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { process: child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
