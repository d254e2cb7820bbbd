import type { Play } from '@duskline/protocol';
import type { LostAssignment } from '../../domain/play-request/begin.js';
import type { RequestEvent } from '../../domain/play-request/events.js';
import type { ClientConnection } from '../connections/connections.js';
import type { ExpiringRecords } from '../expiring-records.js';
import type { SessionNaming } from '../sessions/new-session-id.js';
import type { PlacedSession } from '../sessions/placed-session.js';
import type { ActiveRequest, ActiveRequests, RequestAnswerer } from './active-request.js';
import type { PlayerHandovers } from './player-handovers.js';
import type { EarlierWait } from './earlier-wait.js';

/** Play requests: those that are not answered, and those of clients that disconnected while they waited. */
export interface Requests extends SessionNaming {
  readonly activeRequests: ActiveRequests;
  /** Waits of clients that disconnected, kept for `queueGraceMs` like their queue positions. */
  readonly earlierWaits: ExpiringRecords<EarlierWait>;
  /**
   * The sessions that requests were to become whose calls the store did not answer. No broker places them any more, whatever the store
   * says about their records.
   */
  readonly failedAttempts: ExpiringRecords<{ readonly sessionId: string }>;
  /** Requests that end or continue another one of their player, one at a time for each player. */
  readonly handovers: PlayerHandovers;
}

/** Runs the machines of play requests: applies events to them, and carries out their effects. */
export interface RequestRunner {
  /** Begins a new request. */
  begin(client: ClientConnection, message: Play): ActiveRequest;
  /** Begins to place a session again, because its host was lost. */
  beginReplacement(
    client: ClientConnection,
    message: Play,
    lost: LostAssignment,
    whenFull: 'wait' | 'end',
    answerer: RequestAnswerer,
  ): ActiveRequest;
  /** Applies an event to a request. */
  dispatch(request: ActiveRequest, event: RequestEvent<PlacedSession>): void;
}

/** For modules that dispatch events to play requests. */
export interface RequestRunning {
  readonly requestRunner: RequestRunner;
}
