import { Type, type Static } from 'typebox';
import { StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, SessionId, Token } from './identifiers.js';
import { EndReason, HeldState, HostLimitKind } from './vocabulary-schemas.js';
import { SignalData } from './signal-data.js';
import { MAX_HOST_FRAME_BYTES, MAX_SLOTS } from './constants.js';

const strict = { additionalProperties: false } as const;

/** Share of a resource: 0 is idle, 1 is fully used, more is demand beyond the hardware. */
const LoadShare = Type.Number({ minimum: 0, maximum: 100 });

/** Load that a host measures. The highest of the four counts for its congestion. */
export const HostLoad = Type.Object(
  { gpu: LoadShare, encoder: LoadShare, cpu: LoadShare, network: LoadShare },
  strict,
);
export type HostLoad = Static<typeof HostLoad>;

/** A session that a host holds. The host's report overrides the store. */
export const HeldSession = Type.Object(
  {
    sessionId: SessionId,
    epoch: Epoch,
    state: HeldState,
    /** Whether the host can hand the session's state over now. `false` when absent. */
    movable: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type HeldSession = Static<typeof HeldSession>;

/** A session that a host has prepared. */
const PreparedSession = Type.Object({ sessionId: SessionId, epoch: Epoch }, strict);

const HeldSessions = Type.Array(HeldSession, { maxItems: MAX_SLOTS });

/** First message of a host. Due within `helloDeadlineMs` (5 s by default). */
export const Register = Type.Object(
  {
    type: Type.Literal('register'),
    /** Host token. Absent when the upgrade request carried it in `Authorization: Bearer`. */
    token: Type.Optional(Token),
    hostId: Name,
    region: Name,
    pool: Name,
    slots: Type.Integer({ minimum: 1, maximum: MAX_SLOTS }),
    /** URL where clients connect for the stream. It is passed to them unchanged. */
    endpoint: Type.String({ minLength: 1, maxLength: 512, pattern: '^[a-z][a-z0-9+.-]*://[^\\s]+$' }),
    /** Sessions that the host holds: none after a start, maybe some after a lost connection. */
    sessions: HeldSessions,
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type Register = Static<typeof Register>;

/**
 * Sent at once after `registered`, then every `heartbeatIntervalMs`. The first one whose sessions match those in the store
 * makes the host ready.
 */
export const Heartbeat = Type.Object(
  {
    type: Type.Literal('heartbeat'),
    load: HostLoad,
    sessions: HeldSessions,
    /** The `prepared` sessions that the host is ready for. Absent: the host does not say. */
    prepared: Type.Optional(Type.Array(PreparedSession, { maxItems: MAX_SLOTS })),
  },
  strict,
);
export type Heartbeat = Static<typeof Heartbeat>;

/** A session on this host changed its state: its ticket was accepted, its stream runs or was lost, or it ended. */
export const HostSession = Type.Object(
  {
    type: Type.Literal('session'),
    sessionId: SessionId,
    epoch: Epoch,
    state: Type.Enum(['active', 'connected', 'disconnected', 'ended'] as const),
    /** Only with `ended`; `host_ended` when absent. */
    reason: Type.Optional(EndReason),
    /** The session was restored here by a move and has not begun. Answered by `moved`. `false` when absent. */
    restored: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type HostSession = Static<typeof HostSession>;

/** The host will end the session because of a limit, or will not after all. Passed on to the client. */
export const HostLimit = Type.Object(
  {
    type: Type.Literal('limit'),
    sessionId: SessionId,
    epoch: Epoch,
    kind: HostLimitKind,
    /** Time until the end, from now; `null` if the host will not end the session after all. */
    endsInMs: Type.Union([DurationMs, Type.Null()]),
  },
  strict,
);
export type HostLimit = Static<typeof HostLimit>;

/** Passes data, such as a WebRTC offer, answer or candidate, to the client of a session on this host. */
export const HostSignal = Type.Object(
  { type: Type.Literal('signal'), sessionId: SessionId, epoch: Epoch, data: SignalData },
  strict,
);
export type HostSignal = Static<typeof HostSignal>;

const moveFields = { sessionId: SessionId, epoch: Epoch };

/** State of a session that moves: either the state itself or a reference to it. Exactly one of the two is present. */
const checkpointFields = {
  /** Base64 (RFC 4648, section 4), at most `MAX_CHECKPOINT_BYTES` before the encoding. */
  state: Type.Optional(Type.String({ maxLength: MAX_HOST_FRAME_BYTES, pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
  /** Where the target host finds the state, such as a URL or a key. Brokers do not read it. */
  reference: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
};

/** Answers the broker's `checkpoint`. From now on the session is `moving`, and its host pauses it. */
export const HostCheckpoint = Type.Object(
  { type: Type.Literal('checkpoint'), ...moveFields, ...checkpointFields },
  strict,
);
export type HostCheckpoint = Static<typeof HostCheckpoint>;

/** Answers `restore`: the session can continue here once its client has connected. */
export const Restored = Type.Object({ type: Type.Literal('restored'), ...moveFields }, strict);
export type Restored = Static<typeof Restored>;

/** Answers `checkpoint` or `restore`: the host cannot do it, or cannot do it now. */
export const CannotMove = Type.Object(
  {
    type: Type.Literal('cannot_move'),
    ...moveFields,
    /** For operators' logs. */
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  strict,
);
export type CannotMove = Static<typeof CannotMove>;

/** The host leaves the fleet. Its sessions end with `host_ended`. Answered by close 1000. */
export const Leave = Type.Object({ type: Type.Literal('leave') }, strict);
export type Leave = Static<typeof Leave>;

/** Answers `register`. */
export const Registered = Type.Object({
  type: Type.Literal('registered'),
  hostId: Name,
  /** HS256 key that verifies tickets for this host, 32 bytes in base64url. A secret: keep it in memory. */
  ticketKey: Type.String(),
  /** Interval of the host's heartbeats and WebSocket pings. A connection that is silent for 2.5 intervals is dead. */
  heartbeatIntervalMs: DurationMs,
  /** Interval of the broker's pings. */
  pingIntervalMs: DurationMs,
});
export type Registered = Static<typeof Registered>;

/** Limits of a session. The host enforces them, since only the host sees the player's input. */
export const SessionLimits = Type.Object({
  /** The session ends with `idle` after this time without input of the player. No such limit when absent. */
  idleMs: Type.Optional(DurationMs),
  /** The session ends with `max_length` this long after its ticket was first accepted. No such limit when absent. */
  maxLengthMs: Type.Optional(DurationMs),
  /** Times before either end at which the host sends `limit`. */
  warnBeforeMs: Type.Array(DurationMs, { maxItems: 8 }),
});
export type SessionLimits = Static<typeof SessionLimits>;

/** A slot of this host is reserved: a client will connect with a ticket, or the reservation expires. */
export const Prepare = Type.Object({
  type: Type.Literal('prepare'),
  sessionId: SessionId,
  epoch: Epoch,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  /** What is left of the reservation: less if a host that reconnected gets this message again. */
  claimWithinMs: DurationMs,
  /** No limits when absent. */
  limits: Type.Optional(SessionLimits),
});
export type Prepare = Static<typeof Prepare>;

/** The session ended on this host, at this epoch or a lower one. */
export const HostEnd = Type.Object({
  type: Type.Literal('end'),
  sessionId: SessionId,
  epoch: Epoch,
  reason: EndReason,
});
export type HostEnd = Static<typeof HostEnd>;

/** Orders a host to pause a session and to send its state. Answered by `checkpoint` or `cannot_move`. */
export const CheckpointOrder = Type.Object({
  type: Type.Literal('checkpoint'),
  ...moveFields,
  /** A later answer is refused with `NO_MOVE`. */
  withinMs: DurationMs,
  /** Without `resume` or `end` within this time, the host resumes the session. */
  stillMs: DurationMs,
});
export type CheckpointOrder = Static<typeof CheckpointOrder>;

/**
 * A slot of this host is reserved for a session that moves here: like `prepare`, with the state to continue from. Answered by
 * `restored` or `cannot_move`. The host may admit the client before, but the session begins with `moved` only.
 */
export const Restore = Type.Object({
  type: Type.Literal('restore'),
  ...moveFields,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  /** For the restoration and the client together. */
  claimWithinMs: DurationMs,
  limits: Type.Optional(SessionLimits),
  /** A later answer is refused with `NO_MOVE`. */
  withinMs: DurationMs,
  ...checkpointFields,
});
export type Restore = Static<typeof Restore>;

/** The session belongs to this host now and begins. Answers `session` with `restored`. */
export const Moved = Type.Object({ type: Type.Literal('moved'), ...moveFields });
export type Moved = Static<typeof Moved>;

/** The move is cancelled: the session continues on this host. May be repeated. */
export const Resume = Type.Object({ type: Type.Literal('resume'), ...moveFields });
export type Resume = Static<typeof Resume>;

/** Messages from hosts, by type. */
export const HOST_TO_BROKER = {
  register: Register,
  heartbeat: Heartbeat,
  session: HostSession,
  limit: HostLimit,
  signal: HostSignal,
  checkpoint: HostCheckpoint,
  restored: Restored,
  cannot_move: CannotMove,
  leave: Leave,
} as const;
export type HostToBroker =
  | Register
  | Heartbeat
  | HostSession
  | HostLimit
  | HostSignal
  | HostCheckpoint
  | Restored
  | CannotMove
  | Leave;

/** Messages to hosts, by type. Hosts ignore types and fields that they do not know. */
export const BROKER_TO_HOST = {
  registered: Registered,
  prepare: Prepare,
  end: HostEnd,
  checkpoint: CheckpointOrder,
  restore: Restore,
  moved: Moved,
  resume: Resume,
  signal: HostSignal,
  error: ErrorMessage,
} as const;
export type BrokerToHost =
  Registered | Prepare | HostEnd | CheckpointOrder | Restore | Moved | Resume | HostSignal | ErrorMessage;
