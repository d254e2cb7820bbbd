import { Type, type Static } from 'typebox';
import { StreamSettings } from './device.js';
import { ErrorMessage } from './error-message.js';
import { DurationMs, Epoch, Name, SessionId, Token } from './identifiers.js';
import { EndReason, HeldState, HostLimitKind } from './sessions.js';
import { SignalData } from './signal-data.js';
import { MAX_HOST_FRAME_BYTES, MAX_SLOTS } from './constants.js';

const strict = { additionalProperties: false } as const;

/** See `LOAD_DIMENSIONS`. */
const LoadShare = Type.Number({ minimum: 0, maximum: 100 });

/** What a host measures of itself. Congestion follows the worst of the four. */
export const HostLoad = Type.Object(
  { gpu: LoadShare, encoder: LoadShare, cpu: LoadShare, network: LoadShare },
  strict,
);
export type HostLoad = Static<typeof HostLoad>;

/** A session as its host sees it. The host is the truth about its own sessions. */
export const HeldSession = Type.Object(
  {
    sessionId: SessionId,
    epoch: Epoch,
    state: HeldState,
    /** Whether the host would hand its state over now. `false` when absent. */
    movable: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type HeldSession = Static<typeof HeldSession>;

const HeldSessions = Type.Array(HeldSession, { maxItems: MAX_SLOTS });

/** First message of a host. Due within the hello deadline (5 s). */
export const Register = Type.Object(
  {
    type: Type.Literal('register'),
    /** Host token; may be left out when the upgrade request carried it in `Authorization: Bearer`. */
    token: Type.Optional(Token),
    hostId: Name,
    region: Name,
    pool: Name,
    slots: Type.Integer({ minimum: 1, maximum: MAX_SLOTS }),
    /** Where clients connect for the stream: a URL, passed to them as it is. */
    endpoint: Type.String({ minLength: 1, maxLength: 512, pattern: '^[a-z][a-z0-9+.-]*://[^\\s]+$' }),
    /** What it runs already: empty after a start, not empty when only the connection was lost. */
    sessions: HeldSessions,
    sdk: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  strict,
);
export type Register = Static<typeof Register>;

/** Sent every heartbeat interval, and at once after `registered`: the first one makes the host ready. */
export const Heartbeat = Type.Object(
  { type: Type.Literal('heartbeat'), load: HostLoad, sessions: HeldSessions },
  strict,
);
export type Heartbeat = Static<typeof Heartbeat>;

/** A session on this host changed state: the client showed its ticket, streams, was lost, is over. */
export const HostSession = Type.Object(
  {
    type: Type.Literal('session'),
    sessionId: SessionId,
    epoch: Epoch,
    state: Type.Enum(['active', 'connected', 'disconnected', 'ended'] as const),
    /** Only with `ended`: `client_left` or `host_ended` as a rule, `error` when the host refused it. */
    reason: Type.Optional(EndReason),
    /** It was taken up from a checkpoint and has not begun: answered by `moved`. `false` when absent. */
    restored: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type HostSession = Static<typeof HostSession>;

/** A limit of a session on this host draws near, or no longer does: passed on to its client. */
export const HostLimit = Type.Object(
  {
    type: Type.Literal('limit'),
    sessionId: SessionId,
    epoch: Epoch,
    kind: HostLimitKind,
    /** How long until the host ends the session; `null` when the limit no longer threatens. */
    endsInMs: Type.Union([DurationMs, Type.Null()]),
  },
  strict,
);
export type HostLimit = Static<typeof HostLimit>;

/** Passes a message to the client of a session on this host: a WebRTC offer, answer or candidate. */
export const HostSignal = Type.Object(
  { type: Type.Literal('signal'), sessionId: SessionId, epoch: Epoch, data: SignalData },
  strict,
);
export type HostSignal = Static<typeof HostSignal>;

const moveFields = { sessionId: SessionId, epoch: Epoch };

/**
 * A session's state, as its host hands it over to another: the state itself, or where the other host finds it.
 * Exactly one of the two.
 */
const checkpointFields = {
  /** Base64 (RFC 4648, section 4), at most `MAX_CHECKPOINT_BYTES` before the encoding. */
  state: Type.Optional(Type.String({ maxLength: MAX_HOST_FRAME_BYTES, pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
  /** What the other host finds the state by: a URL, a key. Brokers do not read it. */
  reference: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
};

/** Answers the broker's `checkpoint`: the session is `moving`, and held still, from now on. */
export const HostCheckpoint = Type.Object(
  { type: Type.Literal('checkpoint'), ...moveFields, ...checkpointFields },
  strict,
);
export type HostCheckpoint = Static<typeof HostCheckpoint>;

/** Answers `restore`: the session may begin here, as soon as its client comes. */
export const Restored = Type.Object({ type: Type.Literal('restored'), ...moveFields }, strict);
export type Restored = Static<typeof Restored>;

/** Answers `checkpoint` or `restore`: it cannot be done, or not now. */
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

/** The host leaves in order. Its sessions end with `host_ended`, its slots are gone. */
export const Leave = Type.Object({ type: Type.Literal('leave') }, strict);
export type Leave = Static<typeof Leave>;

/** Answers `register`. */
export const Registered = Type.Object({
  type: Type.Literal('registered'),
  hostId: Name,
  /** Key that verifies tickets for this host (HS256), base64url. A secret: keep it in memory only. */
  ticketKey: Type.String(),
  /** The host beats this often, each time with a WebSocket ping; silence for 2.5 intervals means a dead connection. */
  heartbeatIntervalMs: DurationMs,
  /** The broker pings this often. */
  pingIntervalMs: DurationMs,
});
export type Registered = Static<typeof Registered>;

/** What the host holds a session to. Measured by the host, which alone knows when its player does something. */
export const SessionLimits = Type.Object({
  /** Ends with `idle` after so long without the player doing anything; no such limit when absent. */
  idleMs: Type.Optional(DurationMs),
  /** Ends with `max_length` so long after the client first showed its ticket; no such limit when absent. */
  maxLengthMs: Type.Optional(DurationMs),
  /** How long before either limit its player is warned. */
  warnBeforeMs: Type.Array(DurationMs, { maxItems: 8 }),
});
export type SessionLimits = Static<typeof SessionLimits>;

/** A slot of this host was reserved; its client arrives with a ticket, or the reservation expires. */
export const Prepare = Type.Object({
  type: Type.Literal('prepare'),
  sessionId: SessionId,
  epoch: Epoch,
  title: Name,
  playerId: Type.String(),
  stream: StreamSettings,
  claimWithinMs: DurationMs,
  /** No limits when absent. */
  limits: Type.Optional(SessionLimits),
});
export type Prepare = Static<typeof Prepare>;

/** The session is over on this host, whatever the host still does with it. */
export const HostEnd = Type.Object({
  type: Type.Literal('end'),
  sessionId: SessionId,
  epoch: Epoch,
  reason: EndReason,
});
export type HostEnd = Static<typeof HostEnd>;

/** Asks a host to hold a session still and to hand its state over. Answered by `checkpoint` or `cannot_move`. */
export const CheckpointOrder = Type.Object({
  type: Type.Literal('checkpoint'),
  ...moveFields,
  /** An answer after that is refused with `NO_MOVE`. */
  withinMs: DurationMs,
  /** A host that has heard neither `resume` nor `end` by then lets the session go on by itself. */
  stillMs: DurationMs,
});
export type CheckpointOrder = Static<typeof CheckpointOrder>;

/**
 * A slot of this host was reserved for a session that moves here: as `prepare`, with the state that it goes on from.
 * Answered by `restored` or `cannot_move`. Its client may be admitted, but the session begins with `moved`.
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

/** The session's client came and the session is this host's: it goes on from the state that was handed over. */
export const Moved = Type.Object({ type: Type.Literal('moved'), ...moveFields });
export type Moved = Static<typeof Moved>;

/** The move came to nothing: the session goes on here. */
export const Resume = Type.Object({ type: Type.Literal('resume'), ...moveFields });
export type Resume = Static<typeof Resume>;

/** Everything a host may send, by type. */
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

/** Everything a broker may send to a host, by type. Hosts ignore types and fields they do not know. */
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
