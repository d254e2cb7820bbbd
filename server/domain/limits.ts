/**
 * The bounds a broker works within. Every one has a default here and a key of the same name in the
 * `limits` section of the configuration.
 */
export interface Limits {
  /** How often a host reports its load and its sessions. */
  readonly heartbeatIntervalMs: number;
  /** A host silent for longer takes no new placements. At least two heartbeat intervals. */
  readonly suspectAfterMs: number;
  /** A host silent for longer, and seen missing by two sweeps, is lost. */
  readonly lostAfterMs: number;
  /** How often the holder of a region's lease looks for what nobody announced. */
  readonly sweepIntervalMs: number;
  /** Two sweeps count as two only when they are at least this far apart. */
  readonly sweepGapMs: number;
  /** How long a slot is held for a client that has not shown its ticket to the host. */
  readonly reservationMs: number;
  /** How long a slot is held for a waiting player whose turn came and who has not accepted it. */
  readonly offerMs: number;
  /** How long a waiting player keeps the place in the queue without a connection. */
  readonly queueGraceMs: number;
  /** The most requests that may wait for one place; what comes on top is refused with `QUEUE_FULL`. */
  readonly queueMaxLength: number;
  /** A session whose client lost the stream ends with `reconnect_expired` when it has not come back by then. */
  readonly resumeWindowMs: number;
  /** How long after a player showed a player token resume tokens may stand for it. */
  readonly resumeTokenMs: number;
  /** The most clients that are let in a second; a broker lets in fewer when those who are connected would feel it. */
  readonly admissionsPerSecond: number;
  /** How long a client may have to wait to be let in; who would wait for longer is refused with `BUSY`. */
  readonly admissionWaitMs: number;
  /** How long a new connection may take to send its first message. */
  readonly helloDeadlineMs: number;
  /** The largest frame read from a peer, in bytes; a larger one closes the connection. */
  readonly maxFrameBytes: number;
  /** The largest frame read from a host, in bytes: a checkpoint has to fit in. */
  readonly maxHostFrameBytes: number;
  /** The most that may wait in a connection's send buffer, in bytes; more closes the connection. */
  readonly maxSocketBufferBytes: number;
  /** How often a broker pings each connection. */
  readonly pingIntervalMs: number;
  /** After so many pings in a row without an answer the connection is dead. */
  readonly maxMissedPings: number;
  /**
   * How long each step of a live move may take: the state handed over, taken up, the client at the new host. A host that
   * hears nothing more lets the session go on after `MOVE_STEPS` of them.
   */
  readonly moveStepMs: number;
  /** Over how long a stopping broker spreads its peers' departure, so that they do not storm the next one. */
  readonly goAwaySpreadMs: number;
  /** How long a control-loop lease lasts when its holder falls silent. */
  readonly leaseMs: number;
  /** How often the holder renews its lease. At most half of `leaseMs`. */
  readonly leaseRenewMs: number;
}

/** What holds where the configuration says nothing. */
export const DEFAULT_LIMITS: Limits = {
  heartbeatIntervalMs: 2_000,
  suspectAfterMs: 4_000,
  lostAfterMs: 10_000,
  sweepIntervalMs: 1_000,
  sweepGapMs: 2_000,
  reservationMs: 30_000,
  offerMs: 15_000,
  queueGraceMs: 60_000,
  queueMaxLength: 10_000,
  resumeWindowMs: 120_000,
  resumeTokenMs: 43_200_000,
  admissionsPerSecond: 1_000,
  admissionWaitMs: 7_000,
  helloDeadlineMs: 5_000,
  maxFrameBytes: 65_536,
  maxHostFrameBytes: 524_288,
  maxSocketBufferBytes: 1_048_576,
  pingIntervalMs: 15_000,
  maxMissedPings: 2,
  moveStepMs: 5_000,
  goAwaySpreadMs: 3_000,
  leaseMs: 5_000,
  leaseRenewMs: 1_500,
};
