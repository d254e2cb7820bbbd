import type { EndReason, HeldState, SessionState } from '@duskline/protocol/vocabulary';

/**
 * An observation of a client, host, broker, the store or a test. `atMs` is from the monotonic clock of the observing process.
 * Players, requests, sessions, hosts (`region/pool/hostId`) and brokers are identified by their names.
 */
export type HistoryEvent = (ClientEvent | HostEvent | FaultEvent | FleetEvent) & { readonly atMs: number };

/** What clients sent and received. */
export type ClientEvent =
  | { readonly type: 'connected'; readonly player: string }
  | { readonly type: 'disconnected'; readonly player: string; readonly code: number }
  /** The client sent `play`; the same request id again is a repeat. */
  | (Request & {
      readonly type: 'requested';
      readonly title: string;
      /** Milliseconds by region, without the regions that the request excludes; `null` for a failed measurement. */
      readonly rtt: Readonly<Record<string, number | null>>;
      /** Pools that can serve the request; absent when the observer does not know, then any pool is accepted. */
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
      /** Absent if the client could not measure the region. */
      readonly rttMs?: number | undefined;
      readonly claimWithinMs: number;
    })
  | (Request & { readonly type: 'refused'; readonly code: string })
  /** The client sent `cancel`. */
  | (Request & { readonly type: 'cancelled' })
  /** The player does not wait for an answer any more. */
  | (Request & { readonly type: 'gave-up' })
  | (Assignment & { readonly type: 'session-state'; readonly player: string; readonly state: SessionState })
  | (Assignment & { readonly type: 'session-ended'; readonly player: string; readonly reason: EndReason })
  /** The client received `moving` with the target host: it shows its ticket there, and keeps the old stream. */
  | (Assignment & { readonly type: 'moving'; readonly player: string; readonly host: string })
  /**
   * The player received a frame of the stream. `n` counts the frames of the connection to the host, from 1; `count` those of
   * the session, on all its hosts.
   */
  | (Assignment & {
      readonly type: 'frame-received';
      readonly player: string;
      readonly host: string;
      readonly n: number;
      readonly count: number;
    })
  /** The client sent `end`, or the player left through the host. */
  | { readonly type: 'left'; readonly player: string; readonly sessionId: string };

/** What hosts did, sent and received. */
export type HostEvent =
  | { readonly type: 'host-registered'; readonly host: string; readonly slots: number }
  /** The host cannot reach a broker from now on: hung, disconnected, or reconnecting. */
  | { readonly type: 'host-silent'; readonly host: string }
  | { readonly type: 'host-back'; readonly host: string }
  /** The host and all its sessions ended. */
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
      /** `host`: the host ended the session itself; `broker`: a broker ended it, or its reservation expired. */
      readonly by: 'host' | 'broker';
    })
  /** A broker confirmed a move to this host: the session runs here from now on. */
  | (Assignment & { readonly type: 'began'; readonly host: string })
  /** A session that was paused for a move resumed on this host. */
  | (Assignment & { readonly type: 'resumed'; readonly host: string })
  /** The host sent a heartbeat with this list of sessions. */
  | { readonly type: 'heartbeat'; readonly host: string; readonly sessions: readonly HeldAssignment[] };

/** A fault that a test or load test injected. A fault that `lasts` goes on until `healed` names the same target. */
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

/** What brokers and the store reported about the fleet. */
export type FleetEvent =
  /** The store has this state of the host from now on, by an order of an operator or a decision of the brokers. */
  | { readonly type: 'host-state'; readonly host: string; readonly state: KnownHostState }
  /** A release of a session at this epoch was requested from the store. */
  | (Assignment & { readonly type: 'released'; readonly reason: EndReason; readonly outcome: string })
  | { readonly type: 'broker-ready'; readonly broker: string; readonly ready: boolean }
  /** A snapshot of the fleet in the store. `quiet`: there are no faults, arrivals, departures or messages in flight. */
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

/** The name of a host, unique in the fleet. */
export function hostName(region: string, pool: string, hostId: string): string {
  return `${region}/${pool}/${hostId}`;
}

/** The name of a request, unique over all players. */
export function requestName({ player, requestId }: { player: string; requestId: string }): string {
  return `${player} ${requestId}`;
}
