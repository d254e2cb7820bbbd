import type { EndReason } from '@duskline/protocol/vocabulary';
import type { PlayOptions } from '@duskline/client/node';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { startWorker, type WorkerProcess } from '../processes/worker-process.js';

export interface MovingClientOptions {
  readonly urls: readonly string[];
  readonly token: string;
  readonly player: string;
  readonly play: Pick<PlayOptions, 'title' | 'rtt' | 'requestId' | 'onHostLost' | 'onConflict'>;
  /** The client does not support moves: it sends no `canMove`. */
  readonly stays?: boolean;
}

export type ClientOrder =
  | { readonly kind: 'play' }
  /** Whether the client accepts moves. A move waits until this order arrives. */
  | { readonly kind: 'decide'; readonly goes: boolean }
  /** Kills the process `pid`, which may be its own, `afterMs` after the next host admits the player. */
  | { readonly kind: 'doom'; readonly pid: number; readonly afterMs: number }
  /** The player leaves the host's stream, which ends the session. */
  | { readonly kind: 'leave' }
  /** Closes the client and ends the process. */
  | { readonly kind: 'close' };

interface AtHost {
  readonly hostId: string;
  readonly epoch: number;
}

/** Events of the SDK that the client process reports. */
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
  /** The latest report of this type. */
  last<Type extends ClientReport['type']>(type: Type): HeardOf<Type> | undefined;
}

/** Starts the process. It plays after the order `play`. */
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
