import type { EndReason } from '@duskline/protocol/vocabulary';
import type { PlayOptions } from '@duskline/client/node';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { startWorker, type WorkerProcess } from '../processes/worker-process.js';

export interface MovingClientOptions {
  readonly urls: readonly string[];
  readonly token: string;
  readonly player: string;
  readonly play: Pick<PlayOptions, 'title' | 'rtt' | 'requestId' | 'onHostLost' | 'onConflict'>;
  /** It does not say that it follows moves. */
  readonly stays?: boolean;
}

export type ClientOrder =
  | { readonly kind: 'play' }
  /** Whether it goes where the session goes. Until it is told, it waits. */
  | { readonly kind: 'decide'; readonly goes: boolean }
  /** It kills that process, which may be its own, so long after the moment in which the next host lets it in. */
  | { readonly kind: 'doom'; readonly pid: number; readonly afterMs: number }
  /** The player says good-bye to the host. */
  | { readonly kind: 'leave' }
  /** The process ends, in order. */
  | { readonly kind: 'close' };

interface AtHost {
  readonly hostId: string;
  readonly epoch: number;
}

/** What the application of a player hears. */
export type ClientReport =
  | (AtHost & { readonly type: 'playing'; readonly sessionId: string })
  | (AtHost & { readonly type: 'asked-to-move' | 'let-in' | 'moved' | 'replaced' })
  | { readonly type: 'stream-closed'; readonly hostId: string; readonly why: string }
  | { readonly type: 'ended'; readonly reason: EndReason }
  | { readonly type: 'failed'; readonly why: string };

export type ReceivedReport = ClientReport & { readonly atMs: number };

type HeardOf<Type extends ClientReport['type']> = ReceivedReport & { readonly type: Type };

/** A player in a process of its own. */
export interface MovingClient {
  readonly process: WorkerProcess<ClientOrder>;
  readonly player: string;
  readonly heard: readonly ReceivedReport[];
  /** The last of that kind. */
  last<Type extends ClientReport['type']>(type: Type): HeardOf<Type> | undefined;
}

/** Starts the process; it plays when it is told to. */
export function startMovingClient(options: MovingClientOptions, recorder: Recorder): MovingClient {
  const heard: ReceivedReport[] = [];
  const script = new URL('./moving-client-worker.js', import.meta.url);
  const process = startWorker<ClientOrder>(script, options, recorder, (news, atMs) => {
    heard.push({ ...(news as ClientReport), atMs });
  });
  return {
    process,
    player: options.player,
    heard,
    last: <Type extends ClientReport['type']>(type: Type) =>
      heard.filter((saying): saying is HeardOf<Type> => saying.type === type).at(-1),
  };
}
