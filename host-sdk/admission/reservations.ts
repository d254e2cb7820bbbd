import type { EndReason, Prepare } from '@duskline/protocol';
import type { HostSettings, PreparedSession } from '../host-options.js';
import type { SessionRecord } from '../sessions/session-record.js';
import type { PrepareOutcome } from '../sessions/session-table.js';
import { isHeld } from '../sessions/session-transitions.js';

/** What reservations need from the host. */
export interface ReservationsPort {
  /** Puts the session into the table, and ends an older assignment of it. */
  addSession(session: PreparedSession): PrepareOutcome;
  /** Emits the event `prepare`. */
  notifyPrepared(session: PreparedSession): void;
  /** Ends the session and reports the end to the broker. Returns false if it had ended before. */
  endSession(record: SessionRecord, reason: EndReason): boolean;
  /** Emits the event `end`. */
  notifyEnded(record: SessionRecord, reason: EndReason): void;
}

/** The reservations that brokers make: asks the application whether to accept each. */
export class Reservations {
  readonly #settings: Pick<HostSettings, 'logger' | 'onPrepare'>;
  readonly #port: ReservationsPort;

  constructor(settings: Pick<HostSettings, 'logger' | 'onPrepare'>, port: ReservationsPort) {
    this.#settings = settings;
    this.#port = port;
  }

  handlePrepare({ sessionId, epoch, title, playerId, stream, claimWithinMs, limits }: Prepare): void {
    const limited = limits === undefined ? {} : { limits };
    const session: PreparedSession = { sessionId, epoch, title, playerId, stream, claimWithinMs, ...limited };
    const outcome = this.#port.addSession(session);
    if (outcome.kind !== 'prepared') return;
    this.#port.notifyPrepared(session);
    void this.#runOnPrepare(session, outcome.record);
  }

  /**
   * Ends a session that the application refused. The event `end` follows only if the client was admitted meanwhile: the
   * application knows of its own refusal, but not of that admission.
   */
  dropSession(record: SessionRecord, reason: EndReason): void {
    const wasHeld = isHeld(record.state);
    if (this.#port.endSession(record, reason) && wasHeld) this.#port.notifyEnded(record, reason);
  }

  async #runOnPrepare(session: PreparedSession, record: SessionRecord): Promise<void> {
    const { logger, onPrepare } = this.#settings;
    let isAccepted = false;
    try {
      isAccepted = await onPrepare(session);
    } catch (error) {
      logger.error({ sessionId: session.sessionId, err: error }, 'onPrepare failed');
    }
    record.isAccepted = isAccepted;
    if (!isAccepted) this.dropSession(record, 'error');
  }
}
