import type { ChildProcess } from 'node:child_process';

/** Faults that a test can cause in a child process. */
export interface ChildFaults {
  /** Sends SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** Sends SIGSTOP: the process hangs with its sockets open, and the kernel still receives data for it. */
  freeze(): void;
  /** Sends SIGCONT: the process continues. */
  thaw(): void;
  /** Sends SIGTERM, after SIGCONT for a frozen process. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** The faults of one child process. `exited` resolves with the exit code when the process has ended. */
export function createChildFaults(child: ChildProcess, exited: Promise<number | null>): ChildFaults {
  return {
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      return exited;
    },
  };
}
