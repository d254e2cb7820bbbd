/**
 * Limits of a broker. Each has a default in `DEFAULT_LIMITS` and a key of the same name in section `limits` of the
 * configuration.
 */
export interface Limits {
  /** Interval at which a host reports its load and sessions. */
  readonly heartbeatIntervalMs: number;
  /** A host that is silent for longer is suspect and takes no new sessions. At least two heartbeat intervals. */
  readonly suspectAfterMs: number;
  /** A host that is silent for longer, and was found missing by two sweeps, is lost. */
  readonly lostAfterMs: number;
  /** Interval of the sweeps for silent hosts, expired reservations and abandoned requests of a region. */
  readonly sweepIntervalMs: number;
  /** Minimum time between the two sweeps that declare a host lost. */
  readonly sweepGapMs: number;
  /** How long a slot is reserved for a client that has not shown its ticket to the host. */
  readonly reservationMs: number;
  /** How long a waiting player has to accept an offered slot. */
  readonly offerMs: number;
  /** How long a waiting player keeps its position in the queue without a connection. */
  readonly queueGraceMs: number;
  /** Maximum number of requests in the queue of one region pool. Further ones are refused with `QUEUE_FULL`. */
  readonly queueMaxLength: number;
  /** A session whose client lost the stream ends with `reconnect_expired` if the client does not reconnect within this time. */
  readonly resumeWindowMs: number;
  /** How long resume tokens may replace a player token, from when the player showed it. */
  readonly resumeTokenMs: number;
  /** Maximum number of clients that a broker admits per second. A busy broker admits fewer. */
  readonly admissionsPerSecond: number;
  /** Maximum wait of a client for its admission. A client that would wait for longer is refused with `BUSY`. */
  readonly admissionWaitMs: number;
  /** How long a new connection may take to send a valid first message. */
  readonly helloDeadlineMs: number;
  /** Largest frame that is read from a client, in bytes. A larger one closes the connection. */
  readonly maxFrameBytes: number;
  /** Largest frame that is read from a host, in bytes. A checkpoint has to fit in. */
  readonly maxHostFrameBytes: number;
  /** Largest send buffer of a connection, in bytes. A connection that needs more is closed with `SLOW_CONSUMER`. */
  readonly maxSocketBufferBytes: number;
  /** Interval at which a broker pings each connection. */
  readonly pingIntervalMs: number;
  /** Unanswered pings in a row after which a connection is closed. */
  readonly maxMissedPings: number;
  /**
   * Time limit of each step of a live move: checkpoint, restore, client at the target host. The source host resumes the session
   * by itself after `MOVE_STEPS` of them without a message from the broker.
   */
  readonly moveStepMs: number;
  /** Period over which a stopping broker closes its connections, so that the other brokers are not flooded with reconnects. */
  readonly goAwaySpreadMs: number;
  /** Duration of a region's lease without renewal. Another broker takes it over then. */
  readonly leaseMs: number;
  /** Interval at which the holder renews the lease. At most half of `leaseMs`. */
  readonly leaseRenewMs: number;
}

/** The limits that apply if the configuration does not set them. */
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
