import type { ChildProcess } from 'node:child_process';

/** What a test may do to a process of its own. */
export interface ChildFaults {
  /** `kill -9`. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it hangs, with every socket open. Its kernel still takes what is sent to it. */
  freeze(): void;
  /** SIGCONT: it goes on, and finds that time has passed. */
  thaw(): void;
  /** SIGTERM, and waits for the end. One that was frozen goes on first. */
  stop(): Promise<number | null>;
}

/** @param exited resolves when the process is gone */
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
