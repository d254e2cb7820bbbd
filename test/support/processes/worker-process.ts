import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { createChildFaults, type ChildFaults } from './child-faults.js';
import { monotonicMs } from './monotonic-clock.js';

/** Message of a worker: an event of the history, or another report. Times are those of `monotonicMs`. */
export type WorkerMessage =
  | { readonly kind: 'event'; readonly event: HistoryEvent }
  | { readonly kind: 'report'; readonly atMs: number; readonly report: unknown };

/** A child process that takes orders and reports events. */
export interface WorkerProcess<Order> extends ChildFaults {
  readonly pid: number;
  readonly isAlive: boolean;
  /** Resolves when the process has ended. */
  readonly exited: Promise<unknown>;
  /** Does nothing after the process has ended. */
  order(order: Order): void;
}

/**
 * Starts a script with its options as JSON in the first argument.
 *
 * @param recorder gets the events, with times converted to `performance.now()` of this process
 */
export function startWorker<Order>(
  script: URL,
  options: object,
  recorder: Recorder,
  onReport: (report: unknown, atMs: number) => void,
): WorkerProcess<Order> {
  // Without coverage: the same SDK code is covered by tests in their own process.
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  const child = fork(script, [JSON.stringify(options)], { env });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const originMs = monotonicMs() - performance.now();
  child.on('message', (message: WorkerMessage) => {
    if (message.kind === 'event') {
      recorder.merge([{ ...message.event, atMs: message.event.atMs - originMs }]);
    } else onReport(message.report, message.atMs - originMs);
  });
  // An order to a process that has just ended is lost.
  child.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    exited,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    order(order) {
      if (child.connected) child.send(order as object, () => undefined);
    },
    ...createChildFaults(child, exited),
  };
}

/** For the worker: sends a message to the parent. It is handed to the channel before the function returns. */
export function sendToParent(message: WorkerMessage): void {
  process.send?.(message);
}
