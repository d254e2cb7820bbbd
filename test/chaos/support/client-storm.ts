import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PlayOptions, Session } from '@duskline/client/node';
import type { HistoryEvent } from '@duskline/loadtest/history/events.js';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { monotonicMs } from '../../support/processes/monotonic-clock.js';

export interface StormOptions {
  readonly urls: readonly string[];
  /** Players who get a session. */
  readonly playing: number;
  /** Players who wait in the queue. */
  readonly waiting: number;
  readonly play: PlayOptions;
}

export type StormOrder = 'play' | 'queue' | 'positions' | 'cut' | 'close';

export type StormReply =
  | { readonly kind: 'seen'; readonly events: readonly HistoryEvent[] }
  | { readonly kind: 'answer'; readonly order: StormOrder; readonly answer: unknown };

export type StormSession = Pick<Session, 'sessionId' | 'host' | 'ticket'>;

/** Thousands of clients in a process of their own: what they cost is nobody else's time. */
export interface ClientStorm {
  /** All who play connect and ask. */
  play(): Promise<readonly StormSession[]>;
  /** All who wait connect and ask, and resolve when they were told their places. */
  queue(): Promise<void>;
  /** The place of each who waits, as told last. */
  positions(): Promise<readonly number[]>;
  /** Destroys every socket in the same instant. Returns how many there were. */
  cut(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Thousands of devices have processors of their own. Where all share one machine, the brokers' work comes first, or the
 * brokers would be measured by how long they wait for the clients. All threads have to be nice, so it begins so.
 */
const NICELY = { execPath: 'nice', execArgv: ['-n', '19', process.execPath] };

/** @param onEvent hears of everything that the clients saw, a few milliseconds later */
export function startClientStorm(
  options: StormOptions,
  recorder: Recorder,
  onEvent: (event: HistoryEvent) => void,
): ClientStorm {
  const worker = fileURLToPath(new URL('./client-storm-worker.js', import.meta.url));
  const child = fork(worker, [JSON.stringify(options)], NICELY);
  const exited = once(child, 'exit');
  exited.catch(() => undefined);
  const asked = new Map<StormOrder, (answer: unknown) => void>();
  const originMs = monotonicMs() - performance.now();
  child.on('message', (reply: StormReply) => {
    switch (reply.kind) {
      case 'seen': {
        const events = reply.events.map((event) => ({ ...event, atMs: event.atMs - originMs }));
        recorder.merge(events);
        events.forEach(onEvent);
        return;
      }
      case 'answer':
        asked.get(reply.order)?.(reply.answer);
    }
  });
  const ask = async <Answer>(order: StormOrder): Promise<Answer> => {
    const answer = new Promise<unknown>((resolve) => asked.set(order, resolve));
    child.send(order);
    const dead = exited.then(() => {
      throw new Error(`the storm's process ended before it answered "${order}"`);
    });
    return (await Promise.race([answer, dead])) as Answer;
  };
  return {
    play: () => ask('play'),
    async queue() {
      await ask('queue');
    },
    positions: () => ask('positions'),
    cut: () => ask('cut'),
    async close() {
      if (child.exitCode !== null) return;
      await ask('close');
      await exited;
    },
  };
}
