import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PlayOptions, Session } from '@duskline/client/node';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { monotonicMs } from '../../support/processes/monotonic-clock.js';

/** Options of `startClientStorm`. */
export interface StormOptions {
  readonly urls: readonly string[];
  /** Players who get a session. */
  readonly playing: number;
  /** Players who wait in the queue. */
  readonly waiting: number;
  readonly play: PlayOptions;
}

/** Order to the process of the clients. */
export type StormOrder = 'play' | 'queue' | 'positions' | 'cut' | 'close';

/** Message from the process of the clients. */
export type StormReply =
  | { readonly kind: 'events'; readonly events: readonly HistoryEvent[] }
  | { readonly kind: 'answer'; readonly order: StormOrder; readonly answer: unknown };

/** What a host needs to know of a session. */
export type StormSession = Pick<Session, 'sessionId' | 'host' | 'ticket'>;

/** Thousands of clients in a process of their own, whose work does not delay this process. */
export interface ClientStorm {
  /** The playing clients connect and request sessions. */
  play(): Promise<readonly StormSession[]>;
  /** The waiting clients connect and request sessions. Resolves when all know their positions. */
  queue(): Promise<void>;
  /** The latest position of each waiting client. */
  positions(): Promise<readonly number[]>;
  /** Destroys all sockets at once. Returns their number. */
  cut(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Starts the clients with the lowest priority, for all their threads. Real clients have processors of their own; here they share
 * the machine with the measured brokers, and must not slow them down.
 */
const LOWEST_PRIORITY = { execPath: 'nice', execArgv: ['-n', '19', process.execPath] };

/** @param onEvent called with each event of the clients, some milliseconds after it */
export function startClientStorm(
  options: StormOptions,
  recorder: Recorder,
  onEvent: (event: HistoryEvent) => void,
): ClientStorm {
  const worker = fileURLToPath(new URL('./client-storm-worker.js', import.meta.url));
  const child = fork(worker, [JSON.stringify(options)], LOWEST_PRIORITY);
  const exited = once(child, 'exit');
  exited.catch(() => undefined);
  const pending = new Map<StormOrder, (answer: unknown) => void>();
  const originMs = monotonicMs() - performance.now();
  child.on('message', (reply: StormReply) => {
    switch (reply.kind) {
      case 'events': {
        const events = reply.events.map((event) => ({ ...event, atMs: event.atMs - originMs }));
        recorder.merge(events);
        events.forEach(onEvent);
        return;
      }
      case 'answer':
        pending.get(reply.order)?.(reply.answer);
    }
  });
  const send = async <Answer>(order: StormOrder): Promise<Answer> => {
    const answer = new Promise<unknown>((resolve) => pending.set(order, resolve));
    child.send(order);
    const ended = exited.then(() => {
      throw new Error(`The process of the clients ended before it answered "${order}".`);
    });
    return (await Promise.race([answer, ended])) as Answer;
  };
  return {
    play: () => send('play'),
    async queue() {
      await send('queue');
    },
    positions: () => send('positions'),
    cut: () => send('cut'),
    async close() {
      if (child.exitCode !== null) return;
      await send('close');
      await exited;
    },
  };
}
