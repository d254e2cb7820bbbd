import type { IceServer } from '@duskline/protocol';
import type { SessionState } from '@duskline/protocol/vocabulary';
import type { Catalog, Place } from '../domain/catalog.js';
import type { Limits } from '../domain/limits.js';
import type { RebalanceLimits } from '../domain/rebalance/rebalance-limits.js';
import type { Tiers } from '../domain/tiers.js';
import type { FleetStore, SessionRecord } from '../store/fleet-store.js';
import type { ClientConnection, ConnectionDirectory, KnownSession } from './connections.js';
import type { Departures } from './departures.js';
import type { FleetKnowledge } from './fleet-knowledge.js';
import type { BrokerIntervals } from './intervals.js';
import type { Logger } from './logger.js';
import type { MoveBoard } from './moves/move-board.js';
import type { MoveRunner } from './moves/move-runner.js';
import type { MoveWord } from './moves/words.js';
import type { BrokerObserver } from './observer.js';
import type { StoreBatches } from './store-batches.js';
import type { StoreDoubt } from './store-doubt.js';
import type { TurnBudget } from './turn-budget.js';
import type { WaitingRoom } from './waiting-room.js';

/** Signs tickets, and gives hosts the keys to verify them. `auth/` provides it. */
export interface Tickets {
  hostKey(place: Place, hostId: string): Buffer;
  sign(
    ticket: Place & {
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
export type IceServersFor = (sessionId: string) => IceServer[];

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
  readonly tickets: Tickets;
  readonly iceServers: IceServersFor;
  readonly connections: ConnectionDirectory;
  readonly waiting: WaitingRoom;
  readonly departed: Departures;
  readonly doubt: StoreDoubt;
  /** Places a session again that was lost, in that state. A link to the use case: whoever tells of ends cannot import it. */
  readonly replaceLost: (
    client: ClientConnection,
    place: Place,
    lost: SessionRecord,
    was: SessionState,
  ) => void;
  /** Finds out where a session went that left the host its client knows of. A link, likewise. */
  readonly followMove: (
    client: ClientConnection,
    known: KnownSession,
    place: Place,
    session: SessionRecord,
  ) => void;
  /** Takes what a broker tells this one of a move. A link, likewise. */
  readonly takeWord: (place: Place, word: MoveWord) => void;
  /** The bounds that plans of moves keep. */
  readonly moveLimits: RebalanceLimits;
  /** The moves that this broker has a part in. */
  readonly moves: MoveBoard;
  /** Carries out the moves that are planned here. */
  readonly runner: MoveRunner;
  readonly fleet: FleetKnowledge;
  /** What clients who come back may cost in one turn of the event loop: those who are connected come first. */
  readonly arrivals: TurnBudget;
  readonly observer: BrokerObserver;
  readonly log: Logger;
}
