import type { Device } from '@duskline/protocol';
import type { HistoryEvent } from '../history/events.js';
import type { TimingName } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { Phase } from '../plan/profile.js';
import type { HostCall, HostReply } from './host-calls.js';

export interface PlayerPlan {
  readonly name: string;
  readonly token: string;
  /** Index into `rtts`: the region where the player lives. */
  readonly home: number;
  /** Whether the player follows its session to another host. */
  readonly canMove: boolean;
}

export interface HostPlan {
  /** `region/pool/hostId` */
  readonly name: string;
  readonly hostId: string;
  readonly region: string;
  readonly pool: string;
  readonly slots: number;
  readonly token: string;
}

/** The players and hosts that one worker simulates. */
export interface WorkerPlan {
  readonly index: number;
  readonly workers: number;
  /** Unique for each run, because brokers remember requests of earlier runs. */
  readonly runId: string;
  readonly driver: Driver;
  readonly seed: number;
  readonly urls: readonly string[];
  readonly title: string;
  readonly device: Device;
  /** Round-trip times that players measure, by region, for each `home`. */
  readonly rtts: readonly Readonly<Record<string, number>>[];
  readonly players: readonly PlayerPlan[];
  readonly hosts: readonly HostPlan[];
  /** Index of the worker that simulates each host of the run. */
  readonly hostOwners: Readonly<Record<string, number>>;
}

export type WorkerOrder =
  | { readonly type: 'open-hosts' }
  /** All players connect, one after the other at this rate. */
  | { readonly type: 'connect'; readonly startAtMs: number; readonly perSecond: number }
  | { readonly type: 'phase'; readonly startAtMs: number; readonly phase: Phase }
  | { readonly type: 'stop-arrivals' }
  | { readonly type: 'kill-host'; readonly host: string }
  /** A host of another worker was killed. */
  | { readonly type: 'host-killed'; readonly host: string }
  | { readonly type: 'host-calls'; readonly calls: readonly HostCall[] }
  | { readonly type: 'host-replies'; readonly replies: readonly HostReply[] }
  | { readonly type: 'snapshot' }
  /** All players leave their sessions and queues. */
  | { readonly type: 'leave-all' }
  /** `politely`: hosts send `leave` before they disconnect. */
  | { readonly type: 'close'; readonly politely: boolean };

export type WorkerReport =
  | { readonly type: 'opened'; readonly failed: readonly string[] }
  | WorkerTick
  | { readonly type: 'host-calls'; readonly calls: readonly HostCall[] }
  | { readonly type: 'host-replies'; readonly to: number; readonly replies: readonly HostReply[] }
  | { readonly type: 'snapshot'; readonly hosts: readonly HostSnapshot[] }
  | { readonly type: 'closed' };

export interface HostSnapshot {
  readonly name: string;
  readonly sessions: readonly { readonly sessionId: string; readonly epoch: number }[];
}

/** What a worker reports regularly: events and samples since the tick before, and its counts and gauges. */
export interface WorkerTick {
  readonly type: 'tick';
  /** The worker reports no events from before this time any more. */
  readonly atMs: number;
  readonly events: readonly HistoryEvent[];
  /** Four numbers for each sample: index in `SAMPLE_TIMINGS`, phase, scheduled time, and duration in milliseconds. */
  readonly samples: Float64Array;
  readonly counts: WorkerCounts;
  readonly gauges: WorkerGauges;
}

/** Counts since the beginning of the run. */
export interface WorkerCounts {
  readonly phases: readonly PhaseCounts[];
  readonly refused: Readonly<Record<string, number>>;
  readonly ended: Readonly<Record<string, number>>;
  /** By error code of the broker, or `HTTP_` and a status. */
  readonly connectionErrors: Readonly<Record<string, number>>;
  /** Sessions that were placed on another host after their host was lost. */
  readonly replaced: number;
  /** Connections lost after `welcome`. */
  readonly socketsLost: number;
  /** Tickets that hosts did not accept. */
  readonly notAdmitted: number;
  readonly moves: MoveCounts;
}

/** Counts of sessions that were paused to move to another host. */
export interface MoveCounts {
  /** Resumed on the target host. */
  readonly moved: number;
  /** Resumed on their source host, because the move failed. */
  readonly stayed: number;
  /** Of both, those that were paused for more than two seconds. */
  readonly interrupted: number;
}

export interface PhaseCounts {
  offered: number;
  noClientFree: number;
  answered: number;
  matched: number;
  matchedAtOnce: number;
  queued: number;
  refused: number;
}

export function createPhaseCounts(): PhaseCounts {
  return { offered: 0, noClientFree: 0, answered: 0, matched: 0, matchedAtOnce: 0, queued: 0, refused: 0 };
}

/** The present state of a worker's players. */
export interface WorkerGauges {
  readonly connected: number;
  /** Players whose request has no answer yet. */
  readonly unanswered: number;
  readonly waiting: number;
  /** Players whose request no broker has answered again since their connection was lost. */
  readonly unresumed: number;
  /** Players whose session is on a host that was killed. */
  readonly onKilledHost: number;
  /** Players that are leaving their session or queue. */
  readonly leaving: number;
  /** Players whose session is paused for a move or is moving. */
  readonly moving: number;
  /** Sessions that a broker does not know any more, although no player was notified of their end. */
  readonly vanished: number;
  /** Sessions by region. */
  readonly playing: Readonly<Record<string, number>>;
  /** Players that a broker rejected permanently. */
  readonly rejected: number;
}

/** The names of timings, in the order of the indexes in samples. */
export const SAMPLE_TIMINGS: readonly TimingName[] = [
  'connect',
  'match',
  'answer',
  'wait',
  'resume',
  'lag',
  'move',
];
