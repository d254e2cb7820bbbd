import type { IceServer } from '@duskline/protocol';
import type { SessionState } from '@duskline/protocol/vocabulary';
import type { Catalog, RegionPool } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import type { RebalanceLimits } from '../domain/rebalance/limits/rebalance-limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { FleetStore, SessionRecord } from '../store/fleet-store.js';
import type { ClientConnection, ConnectionDirectory, ClientSession } from './connections/connections.js';
import type { DisconnectedClients } from './recovery/disconnected-clients.js';
import type { FleetCache } from './store-access/fleet-cache.js';
import type { BrokerIntervals } from './intervals.js';
import type { Logger } from './logger.js';
import type { ActiveMoves } from './moves/active-moves.js';
import type { MoveRunner } from './moves/move-runner.js';
import type { ControlMessage } from './messaging/control-messages.js';
import type { BrokerObserver } from './observer.js';
import type { StoreBatches } from './store-access/store-batches.js';
import type { StoreHealth } from './store-access/store-health.js';
import type { ArrivalLimiter } from './connections/arrival-limiter.js';
import type { WaitingRequests } from './requests/waiting-requests.js';

/** Signs tickets, and gives hosts the keys to verify them. `auth/` provides it. */
export interface TicketSigner {
  hostKey(place: RegionPool, hostId: string): Buffer;
  sign(
    ticket: RegionPool & {
      readonly hostId: string;
      readonly sessionId: string;
      readonly epoch: number;
      readonly playerId: string;
      readonly title: string;
      readonly ttlMs: number;
      readonly nowMs: number;
    },
  ): string;
}

/** The STUN and TURN servers of one session's WebRTC connection, with fresh credentials. `auth/` provides it. */
export type CreateIceServers = (sessionId: string) => IceServer[];

/** What every use case works with. */
export interface BrokerContext {
  /** Short and without a dot: connection ids are `<brokerId>.<number>`. */
  readonly brokerId: string;
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly intervals: BrokerIntervals;
  readonly tiers: Tiers;
  readonly store: FleetStore;
  readonly batches: StoreBatches;
  readonly tickets: TicketSigner;
  readonly iceServers: CreateIceServers;
  readonly connections: ConnectionDirectory;
  readonly waitingRequests: WaitingRequests;
  readonly disconnected: DisconnectedClients;
  readonly storeHealth: StoreHealth;
  /** Places a session again that was lost, in that state. A link to the use case: whoever tells of ends cannot import it. */
  readonly replaceLostSession: (
    client: ClientConnection,
    place: RegionPool,
    lost: SessionRecord,
    was: SessionState,
  ) => void;
  /** Finds out where a session went that left the host its client knows of. A link, likewise. */
  readonly locateMovedSession: (
    client: ClientConnection,
    known: ClientSession,
    place: RegionPool,
    session: SessionRecord,
  ) => void;
  /** Takes what a broker tells this one of a move. A link, likewise. */
  readonly handleControlMessage: (place: RegionPool, word: ControlMessage) => void;
  /** The bounds that plans of moves keep. */
  readonly rebalanceLimits: RebalanceLimits;
  /** The moves that this broker has a part in. */
  readonly activeMoves: ActiveMoves;
  /** Carries out the moves that are planned here. */
  readonly moveRunner: MoveRunner;
  readonly fleet: FleetCache;
  /** What clients who come back may cost in one turn of the event loop: those who are connected come first. */
  readonly arrivalLimiter: ArrivalLimiter;
  readonly observer: BrokerObserver;
  readonly log: Logger;
}
