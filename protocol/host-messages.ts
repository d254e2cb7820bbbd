import { Type, type Static } from 'typebox';
import { StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, SessionId, Token } from './identifiers.js';
import { EndReason, HeldState, HostLimitKind } from './vocabulary-schemas.js';
import { SignalData } from './signal-data.js';
import { MAX_HOST_FRAME_BYTES, MAX_SLOTS } from './constants.js';

const strict = { additionalProperties: false } as const;

/** Share of a resource: 0 is idle, 1 is all of it, more is demand beyond the hardware. */
const LoadShare = Type.Number({ minimum: 0, maximum: 100 });

/** Load that a host measures. Its congestion follows the worst of the four. */
export const HostLoad = Type.Object(
  { gpu: LoadShare, encoder: LoadShare, cpu: LoadShare, network: LoadShare },
  strict,
);
export type HostLoad = Static<typeof HostLoad>;

/** A session that a host holds. The host is right about its own sessions. */
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
    /** URL where clients connect for the stream, passed to them as it is. */
    endpoint: Type.String({ minLength: 1, maxLength: 512, pattern: '^[a-z][a-z0-9+.-]*://[^\\s]+$' }),
    /** Sessions that it holds: none after a start, perhaps some after a lost connection. */
    sessions: HeldSessions,
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type Register = Static<typeof Register>;

/**
 * Sent at once after `registered`, then every `heartbeatIntervalMs`. The first one whose sessions are those that the brokers
 * know makes the host ready.
 */
export const Heartbeat = Type.Object(
  { type: Type.Literal('heartbeat'), load: HostLoad, sessions: HeldSessions },
  strict,
);
export type Heartbeat = Static<typeof Heartbeat>;

/** A session on this host changed its state: its ticket was accepted, its stream runs or was lost, or it is over. */
export const HostSession = Type.Object(
  {
    type: Type.Literal('session'),
    sessionId: SessionId,
    epoch: Epoch,
    state: Type.Enum(['active', 'connected', 'disconnected', 'ended'] as const),
    /** Only with `ended`; `host_ended` when absent. */
    reason: Type.Optional(EndReason),
    /** The session came by `restore` and has not begun. Answered by `moved`. `false` when absent. */
    restored: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type HostSession = Static<typeof HostSession>;

/** The host will end the session, or will not after all. Passed on to the client. */
export const HostLimit = Type.Object(
  {
    type: Type.Literal('limit'),
    sessionId: SessionId,
    epoch: Epoch,
    kind: HostLimitKind,
    /** From now; `null` when the host will not end it after all. */
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

/** State of a session that moves: the state itself, or where the new host finds it. Exactly one of the two. */
const checkpointFields = {
  /** Base64 (RFC 4648, section 4), at most `MAX_CHECKPOINT_BYTES` before the encoding. */
  state: Type.Optional(Type.String({ maxLength: MAX_HOST_FRAME_BYTES, pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
  /** Where the new host finds the state, such as a URL or a key. Brokers do not read it. */
  reference: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
};

/** Answers the broker's `checkpoint`: from now on the session is `moving`, and its host holds it still. */
export const HostCheckpoint = Type.Object(
  { type: Type.Literal('checkpoint'), ...moveFields, ...checkpointFields },
  strict,
);
export type HostCheckpoint = Static<typeof HostCheckpoint>;

/** Answers `restore`: the session can go on here when its client has come. */
export const Restored = Type.Object({ type: Type.Literal('restored'), ...moveFields }, strict);
export type Restored = Static<typeof Restored>;

/** Answers `checkpoint` or `restore`: the host cannot do it, or not now. */
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

/** The host goes for good. Its sessions end with `host_ended`. Answered by close 1000. */
export const Leave = Type.Object({ type: Type.Literal('leave') }, strict);
export type Leave = Static<typeof Leave>;

/** Answers `register`. */
export const Registered = Type.Object({
  type: Type.Literal('registered'),
  hostId: Name,
  /** HS256 key that verifies tickets for this host, 32 bytes in base64url. A secret: keep it in memory. */
  ticketKey: Type.String(),
  /** The host sends a heartbeat and a WebSocket ping this often. A connection that is silent for 2.5 intervals is dead. */
  heartbeatIntervalMs: DurationMs,
  /** The broker pings this often. */
  pingIntervalMs: DurationMs,
});
export type Registered = Static<typeof Registered>;

/** Limits of a session. The host enforces them, since it alone knows when the player does something. */
export const SessionLimits = Type.Object({
  /** The session ends with `idle` when the player did nothing for this long. No such limit when absent. */
  idleMs: Type.Optional(DurationMs),
  /** The session ends with `max_length` this long after its ticket was first accepted. No such limit when absent. */
  maxLengthMs: Type.Optional(DurationMs),
  /** How long before either end the host sends `limit`. */
  warnBeforeMs: Type.Array(DurationMs, { maxItems: 8 }),
});
export type SessionLimits = Static<typeof SessionLimits>;

/** A slot of this host is reserved: a client comes with a ticket, or the reservation expires. */
export const Prepare = Type.Object({
  type: Type.Literal('prepare'),
  sessionId: SessionId,
  epoch: Epoch,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  /** At most: less is left when a host that reconnected gets it again. */
  claimWithinMs: DurationMs,
  /** No limits when absent. */
  limits: Type.Optional(SessionLimits),
});
export type Prepare = Static<typeof Prepare>;

/** The session, at this epoch or a lower one, is over on this host. */
export const HostEnd = Type.Object({
  type: Type.Literal('end'),
  sessionId: SessionId,
  epoch: Epoch,
  reason: EndReason,
});
export type HostEnd = Static<typeof HostEnd>;

/** Orders a host to hold a session still and to hand its state over. Answered by `checkpoint` or `cannot_move`. */
export const CheckpointOrder = Type.Object({
  type: Type.Literal('checkpoint'),
  ...moveFields,
  /** A later answer is refused with `NO_MOVE`. */
  withinMs: DurationMs,
  /** Without `resume` or `end` by then, the host lets the session go on. */
  stillMs: DurationMs,
});
export type CheckpointOrder = Static<typeof CheckpointOrder>;

/**
 * A slot of this host is reserved for a session that moves here: as `prepare`, with the state that it goes on from.
 * Answered by `restored` or `cannot_move`. The host may admit the client, but the session begins with `moved`.
 */
export const Restore = Type.Object({
  type: Type.Literal('restore'),
  ...moveFields,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  claimWithinMs: DurationMs,
  limits: Type.Optional(SessionLimits),
  ...checkpointFields,
});
export type Restore = Static<typeof Restore>;

/** The session is this host's and begins. Answers `session` with `restored`. */
export const Moved = Type.Object({ type: Type.Literal('moved'), ...moveFields });
export type Moved = Static<typeof Moved>;

/** The move is cancelled: the session goes on here. May be repeated. */
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
