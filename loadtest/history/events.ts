import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';

/**
 * What somebody saw, and when: `atMs` is the monotonic clock of the one process that observed it all. Players,
 * requests, sessions, hosts (`region/pool/hostId`) and brokers go by their names.
 */
export type HistoryEvent = (ClientEvent | HostEvent | FaultEvent | FleetEvent) & { readonly atMs: number };

/** What players' clients did and were told. */
export type ClientEvent =
  | { readonly type: 'connected'; readonly player: string }
  | { readonly type: 'disconnected'; readonly player: string; readonly code: number }
  /** A `play` frame left; the same request again is a repeat. */
  | (Request & {
      readonly type: 'asked';
      readonly title: string;
      /** Milliseconds by region, already without the regions that the player does not allow. */
      readonly rtt: Readonly<Record<string, number>>;
      /** Pools that could serve it, where the observer knows; any when absent. */
      readonly pools?: readonly string[];
      readonly tier?: string;
    })
  | (Request & { readonly type: 'queued'; readonly position: number; readonly region: string })
  | (Request & { readonly type: 'offered'; readonly region: string; readonly acceptWithinMs: number })
  | (Request & { readonly type: 'accepted' })
  | (Request & {
      readonly type: 'matched';
      readonly sessionId: string;
      readonly epoch: number;
      readonly host: string;
      readonly region: string;
      readonly pool: string;
      readonly rank: number;
      readonly candidates: number;
      readonly rttMs: number;
      readonly claimWithinMs: number;
    })
  | (Request & { readonly type: 'refused'; readonly code: string })
  /** A `cancel` frame left. */
  | (Request & { readonly type: 'cancelled' })
  /** The player does not want an answer any more. */
  | (Request & { readonly type: 'gave-up' })
  | (Assignment & { readonly type: 'told'; readonly player: string; readonly state: SessionState })
  | (Assignment & { readonly type: 'over'; readonly player: string; readonly reason: EndReason })
  /** The player was told that the session may go on there: the client shows its ticket, and keeps the old stream. */
  | (Assignment & { readonly type: 'moving'; readonly player: string; readonly host: string })
  /**
   * The player saw a picture of the session. `n` counts those of the connection to the host, from 1; `count` those of the
   * session, on all its hosts.
   */
  | (Assignment & {
      readonly type: 'shown';
      readonly player: string;
      readonly host: string;
      readonly n: number;
      readonly count: number;
    })
  /** An `end` frame left, or the player said good-bye to the host. */
  | { readonly type: 'left'; readonly player: string; readonly sessionId: string };

/** What hosts did and were told. */
export type HostEvent =
  | { readonly type: 'host-registered'; readonly host: string; readonly slots: number }
  /** It cannot be heard from now on: hung, cut off, or between two brokers. */
  | { readonly type: 'host-silent'; readonly host: string }
  | { readonly type: 'host-back'; readonly host: string }
  /** It is gone, with all it held. */
  | { readonly type: 'host-stopped'; readonly host: string; readonly how: 'left' | 'killed' }
  | (Assignment & {
      readonly type: 'prepared';
      readonly host: string;
      readonly player: string;
      readonly claimWithinMs: number;
    })
  | (Assignment & { readonly type: 'admitted'; readonly host: string; readonly player: string })
  | (Assignment & {
      readonly type: 'host-ended';
      readonly host: string;
      readonly reason: EndReason;
      /** `host`: it said so itself; `broker`: it was told to, or its reservation ran out. */
      readonly by: 'host' | 'broker';
    })
  /** A session that moved here is this host's from now on: it was told so. */
  | (Assignment & { readonly type: 'began'; readonly host: string })
  /** A session that was held still, to move away, goes on here. */
  | (Assignment & { readonly type: 'resumed'; readonly host: string })
  /** The list of a heartbeat. */
  | { readonly type: 'holds'; readonly host: string; readonly sessions: readonly HeldAssignment[] };

/** What a test did to the fleet. Those that last go on until `healed` names the same target. */
export type FaultEvent =
  | { readonly type: 'fault'; readonly fault: FaultKind; readonly target: string; readonly lasts: boolean }
  | { readonly type: 'healed'; readonly target: string };

export type FaultKind =
  | 'broker-killed'
  | 'client-killed'
  | 'host-killed'
  | 'redis-stopped'
  | 'redis-failover'
  | 'frozen'
  | 'cut'
  | 'sockets-cut';

/** What brokers and the store said of the fleet. */
export type FleetEvent =
  /** The store holds this since then: an order of an operator, or a judgement of the brokers. */
  | { readonly type: 'host-state'; readonly host: string; readonly state: KnownHostState }
  /** Somebody asked the store to end a session at this epoch. */
  | (Assignment & { readonly type: 'released'; readonly reason: EndReason; readonly outcome: string })
  | { readonly type: 'broker-ready'; readonly broker: string; readonly ready: boolean }
  /** The whole fleet as the store has it. `quiet`: no faults, nobody comes and goes, nothing is on its way. */
  | { readonly type: 'fleet'; readonly hosts: readonly FleetHost[]; readonly quiet: boolean };

export type KnownHostState =
  'joining' | 'ready' | 'suspect' | 'lost' | 'cordoned' | 'draining' | 'standby' | 'lent' | 'gone';

export interface FleetHost {
  readonly host: string;
  readonly region: string;
  readonly pool: string;
  readonly state: KnownHostState;
  readonly slots: number;
  readonly committed: number;
  readonly sessions: readonly (Omit<HeldAssignment, 'state'> & {
    readonly state: SessionState | 'offered' | 'arriving';
  })[];
}

interface Request {
  readonly player: string;
  readonly requestId: string;
}

interface Assignment {
  readonly sessionId: string;
  readonly epoch: number;
}

export interface HeldAssignment extends Assignment {
  readonly state: HeldState;
}

export type EventType = HistoryEvent['type'];
export type EventOf<T extends EventType> = Extract<HistoryEvent, { readonly type: T }>;

/** Names a host of the whole fleet. */
export function hostName(region: string, pool: string, hostId: string): string {
  return `${region}/${pool}/${hostId}`;
}

/** Names a request: ids of different players never meet. */
export function requestName({ player, requestId }: { player: string; requestId: string }): string {
  return `${player} ${requestId}`;
}
