/**
 * How much later than its deadline an answer may reach the coordinator: it passes the peer's broker and the store. All parties
 * get their full time, since the coordinator waits for this much longer.
 */
const DELIVERY_MS = 500;

/** Time limits of a live move, in milliseconds. Each party gets its own in the message that it has to answer. */
export interface MoveDeadlines {
  /** For the source host to answer `checkpoint`. */
  readonly checkpointMs: number;
  /** For the target host to answer `restore`. Twice that of the others, since a game has to start from its checkpoint. */
  readonly restoreMs: number;
  /** For the client to connect to the target host. */
  readonly clientMs: number;
  /** How much longer than these time limits the coordinator waits for each answer. */
  readonly deliveryMs: number;
  /** How long the target host keeps the session for its client: until the client's time is over, at the latest. */
  readonly claimMs: number;
  /** How long the target slot is reserved: for the whole move. */
  readonly reservedMs: number;
  /**
   * How long the source host keeps the session paused without a message. Longer than the target slot is reserved, so that the
   * client cannot arrive at the target host any more by then.
   */
  readonly pausedMs: number;
}

/** @param stepMs `limits.moveStepMs` */
export function moveDeadlines(stepMs: number): MoveDeadlines {
  const [checkpointMs, restoreMs, clientMs] = [stepMs, 2 * stepMs, stepMs];
  const claimMs = restoreMs + clientMs + 2 * DELIVERY_MS;
  const reservedMs = checkpointMs + DELIVERY_MS + claimMs;
  const pausedMs = Math.max(6 * stepMs, reservedMs + DELIVERY_MS);
  return { checkpointMs, restoreMs, clientMs, deliveryMs: DELIVERY_MS, claimMs, reservedMs, pausedMs };
}
