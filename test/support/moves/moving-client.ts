import type { PlayOptions, SessionEnd } from '@duskline/client/node';
import type { Recorder } from '@duskline/loadtest/history/recorder.js';
import { startWorker, type WorkerProcess } from '../processes/worker-process.js';

/** Options of `startMovingClient`. */
export interface MovingClientOptions {
  readonly urls: readonly string[];
  readonly token: string;
  readonly player: string;
  readonly play: Pick<PlayOptions, 'title' | 'rtt' | 'requestId' | 'onHostLost' | 'onConflict'>;
  /** The client does not support moves, and sends no `canMove`. */
  readonly withoutMoves?: boolean;
}

/** Order to a client process. */
export type ClientOrder =
  | { readonly kind: 'play' }
  /** Whether the client accepts moves. A move waits until this order arrives. */
  | { readonly kind: 'answer-moves'; readonly accepts: boolean }
  /** Kills the process `pid`, which may be its own, `afterMs` after the next host admits the player. */
  | { readonly kind: 'kill-at-admission'; readonly pid: number; readonly afterMs: number }
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
  | (AtHost & { readonly type: 'move-requested' | 'admitted' | 'moved' | 'replaced' })
  | { readonly type: 'stream-closed'; readonly hostId: string; readonly why: string }
  | { readonly type: 'ended'; readonly reason: SessionEnd }
  | { readonly type: 'failed'; readonly why: string };

/** A report with the time at which it was sent, by `performance.now()` of the test. */
export type ReceivedReport = ClientReport & { readonly atMs: number };

type ReportOf<Type extends ClientReport['type']> = ReceivedReport & { readonly type: Type };

/** A player in a process of its own. */
export interface MovingClient {
  readonly process: WorkerProcess<ClientOrder>;
  readonly player: string;
  /** Reports that the test has received so far. */
  readonly reports: readonly ReceivedReport[];
  /** The latest report of this type. */
  lastReport<Type extends ClientReport['type']>(type: Type): ReportOf<Type> | undefined;
}

/** Starts the process. It plays after the order `play`. */
export function startMovingClient(options: MovingClientOptions, recorder: Recorder): MovingClient {
  const reports: ReceivedReport[] = [];
  const script = new URL('./moving-client-worker.js', import.meta.url);
  const process = startWorker<ClientOrder>(script, options, recorder, (report, atMs) => {
    reports.push({ ...(report as ClientReport), atMs });
  });
  return {
    process,
    player: options.player,
    reports,
    lastReport: <Type extends ClientReport['type']>(type: Type) =>
      reports.filter((report): report is ReportOf<Type> => report.type === type).at(-1),
  };
}
