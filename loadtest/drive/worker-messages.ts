import type { Device } from '@duskline/protocol';
import type { HistoryEvent } from '../history/events.js';
import type { TimingName } from '../plan/assertions.js';
import type { Driver } from '../plan/driver.js';
import type { Phase } from '../plan/profile.js';
import type { HostCall, HostReply } from './host-calls.js';

export interface PlayerPlan {
  readonly name: string;
  readonly token: string;
  /** Index of its `rtts`. */
  readonly home: number;
  /** It follows when its session moves to another host. */
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

/** What one worker plays. */
export interface WorkerPlan {
  readonly index: number;
  readonly workers: number;
  /** Of no other run: brokers remember requests. */
  readonly runId: string;
  readonly driver: Driver;
  readonly seed: number;
  readonly urls: readonly string[];
  readonly title: string;
  readonly device: Device;
  /** Round-trip times that players measure, by home. */
  readonly rtts: readonly Readonly<Record<string, number>>[];
  readonly players: readonly PlayerPlan[];
  readonly hosts: readonly HostPlan[];
  /** Which worker plays each host of ours. */
  readonly hostOwners: Readonly<Record<string, number>>;
}

export type WorkerOrder =
  | { readonly type: 'open-hosts' }
  /** Everybody connects, one after the other at this pace. */
  | { readonly type: 'connect'; readonly startAtMs: number; readonly perSecond: number }
  | { readonly type: 'phase'; readonly startAtMs: number; readonly phase: Phase }
  /** No more arrivals. */
  | { readonly type: 'stop-arrivals' }
  | { readonly type: 'kill-host'; readonly host: string }
  /** Somebody killed a host of another worker. */
  | { readonly type: 'host-killed'; readonly host: string }
  | { readonly type: 'host-calls'; readonly calls: readonly HostCall[] }
  | { readonly type: 'host-replies'; readonly replies: readonly HostReply[] }
  | { readonly type: 'snapshot' }
  /** Everybody who has a session or waits leaves. */
  | { readonly type: 'leave-all' }
  /** @param politely hosts leave in order, instead of being gone */
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

/** What happened since the tick before. */
export interface WorkerTick {
  readonly type: 'tick';
  /** Nothing earlier will be told. */
  readonly atMs: number;
  readonly events: readonly HistoryEvent[];
  /** Four numbers a sample: index of the time's name, phase, when it was due, how long it took; in milliseconds. */
  readonly samples: Float64Array;
  readonly counts: WorkerCounts;
  readonly gauges: WorkerGauges;
}

/** Since the beginning. */
export interface WorkerCounts {
  readonly phases: readonly PhaseCounts[];
  readonly refused: Readonly<Record<string, number>>;
  readonly ended: Readonly<Record<string, number>>;
  /** Of connections, by the broker's code; and players that no broker lets in any more. */
  readonly connectionErrors: Readonly<Record<string, number>>;
  /** Sessions that another host took up. */
  readonly replaced: number;
  /** Sockets lost after `welcome`. */
  readonly socketsLost: number;
  /** Tickets that hosts did not take. */
  readonly notAdmitted: number;
  readonly moves: MoveCounts;
}

/** Of sessions that were held still to move to another host while they were played. */
export interface MoveCounts {
  /** Went on at the other host. */
  readonly moved: number;
  /** Went on where they were. */
  readonly stayed: number;
  /** Either way, and stood still for more than two seconds. */
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

/** As things are. */
export interface WorkerGauges {
  readonly connected: number;
  /** Asked, and told nothing yet. */
  readonly unanswered: number;
  readonly waiting: number;
  /** Have something, and have not been told of it since their socket was lost. */
  readonly unresumed: number;
  /** Their session is on a host that was killed. */
  readonly stranded: number;
  /** On their way out. */
  readonly leaving: number;
  /** On their way to another host, or about to be. */
  readonly moving: number;
  /** Sessions ended without the player being told, as far as brokers say. */
  readonly vanished: number;
  readonly playing: Readonly<Record<string, number>>;
  /** No broker lets them in. */
  readonly shutOut: number;
}

/** The order of the numbers that samples begin with. */
export const SAMPLE_TIMINGS: readonly TimingName[] = [
  'connect',
  'match',
  'answer',
  'wait',
  'resume',
  'lag',
  'move',
];
