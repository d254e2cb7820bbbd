import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { createChildFaults, type ChildFaults } from './child-faults.js';
import { monotonicMs } from './monotonic-clock.js';

/** What a worker tells: what it saw, by the machine's monotonic clock, and whatever else there is to say. */
export type WorkerReport =
  | { readonly kind: 'seen'; readonly event: HistoryEvent }
  | { readonly kind: 'news'; readonly atMs: number; readonly news: unknown };

/** A process of a test's own that takes orders and tells what happens to it. */
export interface WorkerProcess<Order> extends ChildFaults {
  readonly pid: number;
  readonly isAlive: boolean;
  /** Resolves when the process is gone. */
  readonly exited: Promise<unknown>;
  /** Does nothing once it is dead. */
  order(order: Order): void;
}

/**
 * Starts a script with its options as JSON in the first argument.
 *
 * @param recorder gets what it saw, at the times of this process
 */
export function startWorker<Order>(
  script: URL,
  options: object,
  recorder: Recorder,
  onNews: (news: unknown, atMs: number) => void,
): WorkerProcess<Order> {
  // Without coverage: what it runs of the SDKs is counted where the same code runs in the tests' own process.
  const env = { ...process.env, NODE_V8_COVERAGE: '' };
  const child = fork(script, [JSON.stringify(options)], { env });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const originMs = monotonicMs() - performance.now();
  child.on('message', (message: WorkerReport) => {
    if (message.kind === 'seen') {
      recorder.merge([{ ...message.event, atMs: message.event.atMs - originMs }]);
    } else onNews(message.news, message.atMs - originMs);
  });
  // An order that meets a process which has just died is lost, as it would be a moment later.
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

/** For the worker: tells its parent. What was told is on its way before the next line runs. */
export function reportToParent(message: WorkerReport): void {
  process.send?.(message);
}
